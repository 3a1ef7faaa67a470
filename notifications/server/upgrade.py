"""
The opening handshake of a websocket, where autobahn is too strict, buffers without a limit, or reveals too
much.
"""

import re
from typing import Any

from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol

# How much a client may send before its handshake is answered: one read of the socket, part of which may be
# the handshake itself. The rest waits in the kernel.
PIPELINED_BYTES = 4096

# What autobahn quotes, or reports after a colon, was sent by the client or is the text of an exception.
_QUOTATION = re.compile("[\"':]")


class HandshakeProtocol(WebSocketProtocol):
    _answering = False
    _reading_paused = False

    def _parseExtensionsHeader(  # noqa: N802
        self,
        header: str,
        removeQuotes: bool = True,  # noqa: N803
    ) -> list[tuple[str, dict[str, Any]]]:
        """
        We have no extension, and decline whatever is offered (RFC 6455, 9.1). autobahn would refuse the whole
        handshake for a parameter that it does not know.
        """
        return []

    def onConnect(self, request: Any) -> Any:  # noqa: N802
        if not _is_readable(request):
            raise ConnectionDeny(ConnectionDeny.BAD_REQUEST, "not ASCII")
        self._answering = True
        return super().onConnect(request)

    def consumeData(self) -> None:  # noqa: N802
        """
        Keeps what arrives before the handshake is answered. With each read, autobahn would search all of it
        for a second handshake, however much it is.
        """
        if not (self._answering and self.state == self.STATE_CONNECTING):
            super().consumeData()
        elif len(self.data) > PIPELINED_BYTES:
            self._reading_paused = True
            self.transport.pauseProducing()

    def onOpen(self) -> None:  # noqa: N802
        super().onOpen()
        if self._reading_paused:
            self.transport.resumeProducing()

    def failHandshake(  # noqa: N802
        self,
        reason: str,
        code: int = 400,
        responseHeaders: Any = None,  # noqa: N803
    ) -> None:
        """
        Removes from the reason what the client sent, such as a token: it is logged, and sent in the status
        line.
        """
        super().failHandshake(_QUOTATION.split(reason)[0].strip(), code, responseHeaders)


def _is_readable(request: Any) -> bool:
    """Whether daphne can decode it all as ASCII. Otherwise daphne would answer 500 and log a traceback."""
    offered = request.headers.get("sec-websocket-protocol", "")
    return all(text.isascii() for text in (request.path, offered, *request.headers))

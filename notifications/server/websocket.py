"""
daphne's websocket protocol, with backpressure both ways. Closes dead peers and messages that never end.
"""

import logging
import time
from functools import lru_cache
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from twisted.internet import reactor
from twisted.internet.protocol import connectionDone

from ..conf import server_settings
from ..ground.limits import breaches
from ..wire.close_codes import DEAD_PEER
from . import kernel
from .backpressure import Pressure
from .control_frames import ControlFramesProtocol

logger = logging.getLogger(__name__)

# Read from a socket at a time, and handled before another socket has its turn: 150 of the shortest frames.
# With Twisted's 64 KiB one flooding client delays all others by 150 ms.
READ_BYTES = 4096
# While more messages than this wait for the consumer, no more are read from the socket.
INBOX_MESSAGES = 32
INBOX_SECONDS = 0.05


class CableProtocol(ControlFramesProtocol):
    # daphne's methods compare by id too, but cost a Python call each, several times per frame.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    # Defaults for inside_message and current_frame, which autobahn sets with the handshake. daphne calls
    # check_timeouts before that, and an error there would end its check of all other sockets too.
    inside_message = False
    # connectionMade copies all options from the factory at once. autobahn would copy them one by one, and
    # pretty-print all of them for a log line that is never shown: a seventh of the cost of a connect.
    CONFIG_ATTRS = ()
    current_frame: Any = None
    unfinished_since: float | None = None
    _resting = False
    lost = False

    def connectionMade(self) -> None:  # noqa: N802
        self.__dict__.update(_options_of(self.factory))
        super().connectionMade()

    def onConnect(self, request: Any) -> Any:  # noqa: N802
        self.pressure = Pressure(self.transport)
        self.transport.bufferSize = READ_BYTES
        kernel.set_options(self.transport)
        return super().onConnect(request)

    def onOpen(self) -> None:  # noqa: N802
        # Until the upgrade the HTTP channel was the transport's producer.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.pressure, True)
        super().onOpen()

    def write_at_once(self, frame: bytes) -> bool:
        """
        A DirectWrite of wire/framing.py. Returns False, with nothing written, when other bytes wait or the
        socket takes none; the caller then uses `send`.
        """
        return self.state == self.STATE_OPEN and kernel.write_at_once(self.transport, frame)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        self.unfinished_since = None
        super().onMessage(payload, isBinary)
        if not self._resting and self.application_queue.qsize() > INBOX_MESSAGES:
            self._resting = True
            self.transport.pauseProducing()
            self._read_on_when_heard()

    def _read_on_when_heard(self) -> None:
        """Polls, because daphne's queue has no limit and does not signal that it is empty."""
        if self.application_queue.empty():
            self._resting = False
            self.transport.resumeProducing()
        elif self.state != self.STATE_CLOSED:
            reactor.callLater(INBOX_SECONDS, self._read_on_when_heard)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802
        """
        As daphne's, but also with codes of RFC 6455 that a server may send, such as 1011: autobahn's
        sendClose takes only 1000 and 3000 to 4999.
        """
        self.sendCloseFrame(code=1000 if code is None else code)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803
        if self.wasMaxFramePayloadSizeExceeded or self.wasMaxMessagePayloadSizeExceeded:
            breaches.report("frame_bytes", "closed a socket")
        if hasattr(self, "application_queue") and self.pressure.peer_dead:
            breaches.report("dead_peer_seconds", "dropped a socket whose client stopped responding")
            # daphne's own disconnect message has no reason. The consumer reads only the first one.
            message = {"type": "websocket.disconnect", "code": code, "reason": DEAD_PEER}
            self.application_queue.put_nowait(message)
        # daphne does not know of a handshake that autobahn itself refused, and would raise an error.
        if hasattr(self, "server"):
            super().onClose(wasClean, code, reason)

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802
        super().connectionLost(reason)
        self.lost = True
        # The result of is_closed is this protocol: a reference cycle, so that all memory of the socket would
        # wait for the garbage collector.
        self.is_closed = None
        if hasattr(self, "server"):
            # autobahn's dropConnection unregisters the producer, so stopProducing may not have been called.
            self.pressure.release()
            self.server.forget(self)

    def check_timeouts(self) -> None:
        super().check_timeouts()
        if not (self.inside_message or self.current_frame):
            self.unfinished_since = None
        elif self.unfinished_since is None:
            self.unfinished_since = time.monotonic()
        elif time.monotonic() - self.unfinished_since > server_settings().message_seconds:
            breaches.report("message_seconds", "closed a socket that never finished a message")
            self.dropConnection(abort=True)


@lru_cache(maxsize=1)
def _options_of(factory: WebSocketServerFactory) -> dict[str, Any]:
    return {name: getattr(factory, name) for name in WebSocketServerProtocol.CONFIG_ATTRS}

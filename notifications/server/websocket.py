"""
daphne's websocket protocol, with backpressure both ways, and the end of those that will never speak again.
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

# So much is read of a socket at a time, and worked off before another has its turn: 150 of the shortest
# frames. With Twisted's 64 KiB whoever floods has all others wait for 150 ms.
READ_BYTES = 4096
# Messages that wait for the consumer before no more are read from the socket.
INBOX_MESSAGES = 32
INBOX_SECONDS = 0.05


class CableProtocol(ControlFramesProtocol):
    # daphne's are by id too, but cost a call each, several times a frame.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    # Until the handshake is done autobahn has neither, and daphne asks all the same: an error there would be
    # the end of its check of every other socket too.
    inside_message = False
    # Each socket has them from its factory at once. autobahn would set one after the other, and pretty-print
    # all of them for a line of its log that nobody reads: a seventh of what a connect costs.
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
        # Until the upgrade the HTTP channel was the one to be told.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.pressure, True)
        super().onOpen()

    def write_at_once(self, frame: bytes) -> bool:
        """
        A DirectWrite of wire/framing.py: False, with nothing written, when other bytes wait or the socket
        does not take any; then `send` knows what to do.
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
        """daphne's queue has no bound and tells nobody when it is empty."""
        if self.application_queue.empty():
            self._resting = False
            self.transport.resumeProducing()
        elif self.state != self.STATE_CLOSED:
            reactor.callLater(INBOX_SECONDS, self._read_on_when_heard)

    def serverClose(self, code: int | None = None) -> None:  # noqa: N802
        """
        As daphne's, and with the codes of RFC 6455 that are a server's to send, such as 1011: autobahn's
        sendClose takes 1000 and 3000 to 4999 only.
        """
        self.sendCloseFrame(code=1000 if code is None else code)

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803
        if self.wasMaxFramePayloadSizeExceeded or self.wasMaxMessagePayloadSizeExceeded:
            breaches.report("frame_bytes", "closed a socket")
        if hasattr(self, "application_queue") and self.pressure.peer_dead:
            breaches.report("dead_peer_seconds", "dropped a socket whose client stopped responding")
            # daphne's own message has no reason; the first one counts.
            message = {"type": "websocket.disconnect", "code": code, "reason": DEAD_PEER}
            self.application_queue.put_nowait(message)
        # Of a handshake that autobahn refused by itself daphne has not heard, and would fail over it.
        if hasattr(self, "server"):
            super().onClose(wasClean, code, reason)

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802
        super().connectionLost(reason)
        self.lost = True
        # Its result is this protocol: a cycle, and all the socket had would wait for the garbage collector.
        self.is_closed = None
        if hasattr(self, "server"):
            # autobahn takes the transport's word away from it before it closes.
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

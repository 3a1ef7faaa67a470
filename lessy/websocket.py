"""
daphne's websocket protocol, with backpressure both ways, and the end of those that will never speak again.
"""

import asyncio
import logging
import socket
import struct
import time
from functools import lru_cache
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionDeny
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor
from twisted.internet.interfaces import IPushProducer
from twisted.internet.protocol import connectionDone
from zope.interface import implementer

from notifications.connection import DEAD_PEER
from notifications.limits import breaches

logger = logging.getLogger(__name__)

# What the kernel keeps for a client that does not read; on its own it would grow to 4 MB.
SEND_BUFFER_BYTES = 128 * 1024
# So much is read of a socket at a time, and worked off before another has its turn: 150 of the shortest
# frames. With Twisted's 64 KiB whoever floods has all others wait for 150 ms.
READ_BYTES = 4096
# Messages that wait for the consumer before no more are read from the socket.
INBOX_MESSAGES = 32
INBOX_SECONDS = 0.05
# Of the kernel's `struct tcp_info`: tcpi_state, and tcpi_last_ack_recv in milliseconds.
TCP_INFO = struct.Struct("=B55xI")
TCP_CLOSED = 7
JIFFY_SECONDS = 0.01


@implementer(IPushProducer)
class Pressure:
    """
    What the transport thinks of a socket's client: whether it reads as fast as we write.

    The transport calls pauseProducing when more than its buffer (64 KiB) waits, and resumeProducing when
    all of it is written.

    peer_dead: once the socket is gone, whether that was because nobody answered any more.
    """

    __slots__ = ("_resumed", "_transport", "peer_dead")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._resumed: asyncio.Event | None = None
        self.peer_dead = False

    @property
    def paused(self) -> bool:
        return self._resumed is not None

    async def released(self) -> None:
        while self._resumed is not None:
            await self._resumed.wait()

    def pauseProducing(self) -> None:  # noqa: N802
        if self._resumed is None:
            self._resumed = asyncio.Event()

    def resumeProducing(self) -> None:  # noqa: N802
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.set()

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is lost; whoever waits goes on, and finds out."""
        # Not closed yet, unless it was lost before it was ours.
        handle = getattr(self._transport, "socket", None)
        self.peer_dead = handle is not None and _stopped_answering(handle)
        self.resumeProducing()


class CableProtocol(WebSocketProtocol):
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
        if not _is_readable(request):
            raise ConnectionDeny(ConnectionDeny.BAD_REQUEST, "not ASCII")
        self.pressure = Pressure(self.transport)
        self.transport.bufferSize = READ_BYTES
        _set_socket_options(self.transport)
        return super().onConnect(request)

    def onOpen(self) -> None:  # noqa: N802
        # Until the upgrade the HTTP channel was the one to be told.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.pressure, True)
        super().onOpen()

    def write_at_once(self, frame: bytes) -> bool:
        """
        Straight to the kernel: through the transport a frame waits for a turn of the loop and two more system
        calls. A DirectWrite of notifications.framing: False, with nothing written, when other bytes wait or
        the socket does not take any; then `send` knows what to do.
        """
        transport = self.transport
        if self.state != self.STATE_OPEN or transport.dataBuffer or transport._tempDataBuffer:
            return False
        try:
            written = transport.socket.send(frame)
        except OSError:
            return False
        if written < len(frame):
            transport.write(frame[written:])
        return True

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

    def onClose(self, wasClean: bool, code: int, reason: str) -> None:  # noqa: N802, N803
        if self.wasMaxFramePayloadSizeExceeded or self.wasMaxMessagePayloadSizeExceeded:
            breaches.report("frame_bytes", "closed a socket")
        if hasattr(self, "application_queue") and self.pressure.peer_dead:
            breaches.report("dead_peer_seconds", "dropped a socket whose client stopped answering")
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
            self.server.forget(self)

    def check_timeouts(self) -> None:
        super().check_timeouts()
        if not (self.inside_message or self.current_frame):
            self.unfinished_since = None
        elif self.unfinished_since is None:
            self.unfinished_since = time.monotonic()
        elif time.monotonic() - self.unfinished_since > settings.SERVER_MESSAGE_SECONDS:
            breaches.report("message_seconds", "closed a socket that never finished a message")
            self.dropConnection(abort=True)


@lru_cache(maxsize=1)
def _options_of(factory: WebSocketServerFactory) -> dict[str, Any]:
    return {name: getattr(factory, name) for name in WebSocketServerProtocol.CONFIG_ATTRS}


def _is_readable(request: Any) -> bool:
    """What daphne decodes as ASCII; where it cannot, it answers 500 and logs a traceback."""
    offered = request.headers.get("sec-websocket-protocol", "")
    return all(text.isascii() for text in (request.path, offered, *request.headers))


def _stopped_answering(handle: socket.socket) -> bool:
    """
    Whether the kernel gave the connection up (TCP_USER_TIMEOUT, keepalive). Twisted does not tell: ETIMEDOUT
    and a reset are the same to it.
    """
    option = getattr(socket, "TCP_INFO", None)
    if option is None:
        return False
    state, unanswered = TCP_INFO.unpack(handle.getsockopt(socket.IPPROTO_TCP, option, TCP_INFO.size))
    patience = settings.SERVER_DEAD_PEER_SECONDS - JIFFY_SECONDS
    return bool(state == TCP_CLOSED and unanswered >= patience * 1000)


def _set_socket_options(transport: Any) -> None:
    transport.setTcpKeepAlive(1)
    handle = transport.getHandle()
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    options = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
    options["TCP_USER_TIMEOUT"] = int(settings.SERVER_DEAD_PEER_SECONDS * 1000)
    for name, value in options.items():
        option = getattr(socket, name, None)  # not every system has each
        if option is not None:
            handle.setsockopt(socket.IPPROTO_TCP, option, value)

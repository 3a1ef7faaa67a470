"""
daphne's HTTP with the limits that it lacks: for the time a request takes to arrive, for the size of headers
and bodies, and for answers that the client does not read. daphne would hold a socket and memory for each.
"""

import asyncio
import time
from http import HTTPStatus
from typing import Any

from daphne.http_protocol import WebRequest
from twisted.internet.protocol import connectionDone
from twisted.web.http import HTTPChannel

from ..conf import server_settings
from ..ground.limits import breaches
from ..wire.close_codes import DEAD_PEER
from ..wire.event_stream import MEDIA_TYPE
from . import kernel, refusals
from .upgrade import PIPELINED_BYTES

# A client that reads less of an answer than this within RESPONSE_SECONDS is cut off.
LEAST_PROGRESS_BYTES = 16 * 1024
# How long the rest of a refused request is read. A close with unread bytes resets the connection, and the
# client would lose the answer.
LINGER_SECONDS = 2.0


# After an answer a connection may be idle for so long. Proxies keep theirs for less (Google's load balancer
# 600 s, Caddy 120 s, nginx and Amazon's 60 s), and have to close first: otherwise a proxy may send a request
# while we close, and its client gets a 502.
IDLE_SECONDS = 620.0

# The response header of an event stream.
STREAM = (b"content-type", MEDIA_TYPE.encode())


class Request(WebRequest):
    """Reads a body over the limit to its end, without storing it, so that the client receives the error."""

    received = 0
    lost = False
    is_stream = False

    # daphne's methods compare by id too, but cost a Python call for each message of a stream.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def handleContentChunk(self, data: bytes) -> None:  # noqa: N802
        self.received += len(data)
        if self.received <= server_settings().request_bytes:
            super().handleContentChunk(data)

    def process(self) -> Any:
        if self.channel.congested:
            self.channel.hold(self)
            return None
        if self.received > server_settings().request_bytes:
            breaches.report("request_bytes", "refused a request")
            self._refuse(refusals.CONTENT_TOO_LARGE)
            return None
        if not self._names_its_host():
            self._refuse(refusals.BAD_REQUEST)
            return None
        self._join_cookies()
        transport = self.transport
        outcome = super().process()
        if self.transport is None:
            self._leave_to(transport.protocol)
        return outcome

    def _join_cookies(self) -> None:
        """Joins them with "; " (RFC 9113, 8.2.3). daphne would join them with commas for the websocket."""
        cookies = self.requestHeaders.getRawHeaders(b"Cookie", [])
        if len(cookies) > 1:
            self.requestHeaders.setRawHeaders(b"Cookie", [b"; ".join(cookies)])

    def _names_its_host(self) -> bool:
        """RFC 9112, 3.2: a request of HTTP/1.1 has exactly one Host. Without it Django would invent one."""
        hosts = self.requestHeaders.getRawHeaders(b"Host", [])
        return len(hosts) == 1 or (not hosts and self.clientproto != b"HTTP/1.1")

    def _leave_to(self, websocket: Any) -> None:
        """
        The websocket owns the transport now. The channel and this request refer to each other, so nothing
        else would end the request.
        """
        self.lost = True
        self.channel.requests.remove(self)
        self.channel.successor = websocket
        self.server.forget(self)

    # An event stream, which lives as long as a websocket does

    def handle_reply(self, message: dict[str, Any]) -> None:
        if (
            message["type"] == "http.response.start"
            and STREAM in message.get("headers", ())
            and self.channel is not None
        ):
            self.is_stream = True
            self.setHeader(b"Connection", b"close")
            self.channel.carry_a_stream()
        channel = self.channel
        super().handle_reply(message)
        ends = self.is_stream and message["type"] == "http.response.body" and not message.get("more_body")
        if ends and channel is not None and channel.congested:
            # The client does not read, so it would not read the rest either.
            channel.forceAbortClient()

    def write_at_once(self, data: bytes) -> bool:
        """A DirectWrite of wire/framing.py, as for a websocket. Only for a stream that has begun."""
        if not self.startedWriting or self.finished or self.channel is None:
            return False
        framed = b"%x\r\n%b\r\n" % (len(data), data) if self.chunked else data
        return kernel.write_at_once(self.channel.transport, framed)

    def handle_exception(self, exception: BaseException) -> None:
        """
        When the answer has begun, its connection is aborted: an orderly end would say that it is whole.
        daphne would begin a second answer and fail, and its check of all connections would never run again.
        """
        if self._response_started and self.channel is not None:
            self.channel.forceAbortClient()
        else:
            super().handle_exception(exception)

    def check_timeouts(self) -> None:
        """daphne ends an answer that takes too long; an event stream is exempt."""
        if not self.is_stream:
            super().check_timeouts()

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        if self.is_stream and self.channel.peer_dead and self.application_queue:
            breaches.report("dead_peer_seconds", "dropped a stream whose client stopped answering")
            # daphne's own disconnect message has no reason. The application reads only the first one.
            self.application_queue.put_nowait({"type": "http.disconnect", "reason": DEAD_PEER})
        super().connectionLost(reason)
        self.lost = True
        self.server.forget(self)

    def finish(self) -> None:
        super().finish()
        self.lost = self.is_stream

    # Refusals

    def _refuse(self, code: str) -> None:
        self.request_start = time.time()
        for message in refusals.messages(code):
            self.handle_reply(message)


class Channel(HTTPChannel):
    """
    One connection. A request must be complete REQUEST_SECONDS after it began; Twisted would restart the
    time-out with each byte.

    While the client does not read, the next request of the connection waits, and so does an application that
    streams. A client that does not read within RESPONSE_SECONDS is cut off.
    """

    # The websocket that owns the transport after an upgrade.
    successor: Any = None
    _begun = False
    _held: Request | None = None
    _progress_check: Any = None
    _drained: asyncio.Event | None = None
    peer_dead = False
    _carries_a_stream = False

    def connectionMade(self) -> None:  # noqa: N802
        # Without Twisted's own timer, which `_begin` would only cancel.
        self.timeOut = None
        super().connectionMade()
        self.requestFactory = Request
        self.transport.bufferSize = PIPELINED_BYTES
        self._begin()

    def rawDataReceived(self, data: bytes) -> None:  # noqa: N802
        """
        After an upgrade the bytes are frames of the websocket. Twisted would keep them for the next request.
        """
        if self.successor is None:
            super().rawDataReceived(data)
        else:
            self.successor.dataReceived(data)

    def resetTimeout(self) -> None:  # noqa: N802
        if not self._begun:
            self._begin()

    def _begin(self) -> None:
        self._begun = True
        # A new timer: to move the present one to an earlier time, Twisted would search all timers.
        self.setTimeout(None)
        self.setTimeout(server_settings().request_seconds)

    def allContentReceived(self) -> None:  # noqa: N802
        self._begun = False
        self.setTimeout(None)
        # Twisted waits so long once the request is answered.
        self._savedTimeOut = IDLE_SECONDS
        super().allContentReceived()

    def timeoutConnection(self) -> None:  # noqa: N802
        if self._begun:
            breaches.report("request_seconds", "closed a connection that did not finish its request")
        super().timeoutConnection()

    # The headers

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        if self._receivedHeaderSize + len(line) > self.totalHeadersSize:
            self._refuse_head()
        else:
            super().lineReceived(line)

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: N802
        self._refuse_head()

    def headerReceived(self, line: bytes) -> bool:  # noqa: N802
        if self._receivedHeaderCount >= self.maxHeaders:
            self._refuse_head()
            return False
        return bool(super().headerReceived(line))

    def _refuse_head(self) -> None:
        """Twisted would answer 400, or close without an answer if a single line is too long."""
        breaches.report("head_bytes", "refused a request")
        status, body = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, refusals.body(refusals.HEADERS_TOO_LARGE)
        head = (
            f"HTTP/1.1 {status} {status.phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self._discard_what_follows()

    def _discard_what_follows(self) -> None:
        self.setTimeout(None)
        self.dataReceived = self.lineReceived = self.rawDataReceived = _discard  # type: ignore[assignment,method-assign]
        self.transport.loseWriteConnection()
        self._abortingCall = self.callLater(LINGER_SECONDS, self.forceAbortClient)

    # An event stream

    def carry_a_stream(self) -> None:
        """The connection ends with the stream, so that a client that reconnects may reach another process."""
        self._carries_a_stream = True
        self.persistent = False
        kernel.set_options(self.transport)

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is lost."""
        self.peer_dead = self._carries_a_stream and kernel.stopped_answering(self.transport)
        super().stopProducing()

    # Answers that the client does not read

    @property
    def congested(self) -> bool:
        return bool(self._waitingForTransport)

    def hold(self, request: Request) -> None:
        """The request is processed once the client has read the answers before it."""
        self._held = request

    async def drained(self) -> None:
        """Wait while the client does not read."""
        while self._drained is not None:
            await self._drained.wait()

    def pauseProducing(self) -> None:  # noqa: N802
        super().pauseProducing()
        self._drained = self._drained or asyncio.Event()
        if self._progress_check is None:
            self._expect_progress()

    def resumeProducing(self) -> None:  # noqa: N802
        super().resumeProducing()
        self._release()
        held, self._held = self._held, None
        if held is not None:
            held.process()

    def connectionLost(self, reason: Any = connectionDone) -> None:  # noqa: N802
        super().connectionLost(reason)
        self._held = None
        self._release()

    def _release(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            drained.set()
        check, self._progress_check = self._progress_check, None
        if check is not None and check.active():
            check.cancel()

    def _expect_progress(self) -> None:
        unsent = _unsent_bytes(self.transport)
        self._progress_check = self.callLater(
            server_settings().response_seconds, self._check_progress, unsent
        )

    def _check_progress(self, before: int) -> None:
        self._progress_check = None
        unsent = _unsent_bytes(self.transport)
        if unsent == 0:  # the connection is closing, and Twisted did not report the last byte
            return
        if before - unsent < LEAST_PROGRESS_BYTES:
            breaches.report("response_seconds", "closed a connection that does not read its answer")
            self.forceAbortClient()
        else:
            self._expect_progress()


def _discard(data: bytes) -> None:
    pass


def _unsent_bytes(transport: Any) -> int:
    return int(len(transport.dataBuffer) - transport.offset + transport._tempDataLen)

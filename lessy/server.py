"""
daphne as production runs it: its own Server and protocol classes, with what its command line lacks.

- a listen backlog that survives a reconnect storm (4,096; with daphne's 50 it takes ten times as long);
- backpressure: `send` waits while the client does not read, so that the outbox can bound it;
- dead peers and half-sent messages end, healthy sockets are never closed for their age;
- a drain on SIGTERM and SIGINT: not ready → no new sockets → `disconnect` to each, spread → exit.
"""

# First: it installs the asyncio reactor.
from daphne.server import Server as DaphneServer  # isort: skip
import asyncio
import logging
import signal
import socket
import time
from functools import partial
from typing import Any

from daphne.server import twisted_loop
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer, endpoints, reactor
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from notifications.conf import cable_settings
from notifications.hub import current_hub, stop_hub
from notifications.publisher import publisher

logger = logging.getLogger(__name__)
access_log = logging.getLogger("lessy.access")

BACKLOG = 4096
HTTP_SECONDS = 120
# Requests that are being answered may finish for so long after the drain.
LAST_REQUESTS_SECONDS = 3.0
# A message that was begun must be finished by then.
MESSAGE_SECONDS = 6.0
# A peer that acknowledges nothing for so long is gone. Pings every 3 s see to it that there is something.
DEAD_PEER_SECONDS = 50


@implementer(IPushProducer)
class Pressure:
    """
    What the transport thinks of a socket's client: whether it reads as fast as we write.

    The transport calls pauseProducing when more than its buffer (64 KiB) waits, and resumeProducing when
    all of it is written.
    """

    __slots__ = ("_resumed",)

    def __init__(self) -> None:
        self._resumed: asyncio.Event | None = None

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

    stopProducing = resumeProducing  # noqa: N815 the socket is gone: whoever waits goes on, and finds out


class CableProtocol(WebSocketProtocol):
    """daphne's websocket, with backpressure, and the end of those that will never speak again."""

    # daphne's are by id too, but cost a call each, several times a frame.
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    unfinished_since: float | None = None

    def onConnect(self, request: Any) -> Any:  # noqa: N802
        self.pressure = Pressure()
        _end_dead_peers(self.transport)
        return super().onConnect(request)

    def onOpen(self) -> None:  # noqa: N802
        # Until the upgrade the HTTP channel was the one to be told.
        self.transport.unregisterProducer()
        self.transport.registerProducer(self.pressure, True)
        super().onOpen()

    def onMessage(self, payload: bytes, isBinary: bool) -> None:  # noqa: N802, N803
        self.unfinished_since = None
        super().onMessage(payload, isBinary)

    def check_timeouts(self) -> None:
        super().check_timeouts()
        if not (self.inside_message or self.current_frame):
            self.unfinished_since = None
        elif self.unfinished_since is None:
            self.unfinished_since = time.monotonic()
        elif time.monotonic() - self.unfinished_since > MESSAGE_SECONDS:
            logger.warning("closed a socket: it never finished a message")
            self.dropConnection(abort=True)


def _end_dead_peers(transport: Any) -> None:
    transport.setTcpKeepAlive(1)
    options = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
    options["TCP_USER_TIMEOUT"] = DEAD_PEER_SECONDS * 1000
    for name, value in options.items():
        option = getattr(socket, name, None)  # not every system has each
        if option is not None:
            transport.getHandle().setsockopt(socket.IPPROTO_TCP, option, value)


class Server(DaphneServer):
    def __init__(self, application: Any, *, endpoint: str, drain_seconds: float) -> None:
        frame = cable_settings().max_frame_bytes
        super().__init__(
            application,
            endpoints=[endpoint],
            signal_handlers=False,
            action_logger=log_access,
            http_timeout=HTTP_SECONDS,
            websocket_timeout=-1,
            # The cable's pings keep the connection busy, and the kernel notices who does not answer.
            ping_interval=float("inf"),
            # What is somewhat too long reaches the hub, which can say so; the rest is cut off.
            websocket_max_message_size=2 * frame,
            websocket_max_frame_size=2 * frame,
            ready_callable=self._when_ready,
            server_name="lessy",
        )
        self.drain_seconds = drain_seconds
        self._stopping: asyncio.Task[None] | None = None

    def _when_ready(self) -> None:
        self.ws_factory.protocol = CableProtocol
        # A client that breaks the websocket protocol hears why (1007, 1009), before its socket goes.
        self.ws_factory.failByDrop = False
        for number in (signal.SIGTERM, signal.SIGINT):
            twisted_loop.add_signal_handler(number, self._on_signal, number)
        twisted_loop.call_soon(current_hub)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """As daphne's; and a websocket's `send` waits while its client does not read."""
        if not isinstance(protocol, CableProtocol):
            await super().handle_reply(protocol, message)
            return
        details = self.connections.get(protocol)
        if details is None or "disconnected" in details:
            return
        protocol.handle_reply(message)
        if protocol.pressure.paused:
            await protocol.pressure.released()

    def listen_error(self, failure: Any) -> None:
        super().listen_error(failure)
        self.failed = True

    failed = False

    # Shutdown

    def _on_signal(self, number: int) -> None:
        if self._stopping is None:
            logger.info("%s: draining for %g s", signal.Signals(number).name, self.drain_seconds)
            self._stopping = twisted_loop.create_task(self._drain_and_stop())
        else:
            logger.warning("%s again: stops at once", signal.Signals(number).name)
            self.stop()

    async def _drain_and_stop(self) -> None:
        try:
            await current_hub().drain(self.drain_seconds)
            await self._close_listeners()
            await self._finish_requests()
            flush = partial(publisher.flush, cable_settings().flush_timeout)
            await twisted_loop.run_in_executor(None, flush)
            await stop_hub()
        except Exception:
            logger.exception("the drain failed")
        finally:
            self.stop()

    async def _close_listeners(self) -> None:
        for listener in self.listeners:
            port = await listener.asFuture(twisted_loop)
            if port is not None:
                await defer.maybeDeferred(port.stopListening).asFuture(twisted_loop)

    async def _finish_requests(self) -> None:
        """Until every socket is closed and every request answered; a half-sent upload is not waited for."""
        for _ in range(int(LAST_REQUESTS_SECONDS / 0.05)):  # daphne does not say when an application ends
            if not self._busy():
                return
            await asyncio.sleep(0.05)

    def _busy(self) -> bool:
        return any(
            "application_instance" in details and "disconnected" not in details
            for details in self.connections.values()
        )

    def kill_all_applications(self) -> Any:
        """As daphne's, which fails when a request has no application yet (an upload half sent)."""
        instances = [details.get("application_instance") for details in self.connections.values()]
        running = [instance for instance in instances if instance is not None and not instance.done()]
        for instance in running:
            instance.cancel()
        return defer.Deferred.fromFuture(asyncio.gather(*running, return_exceptions=True))


def log_access(protocol: str, action: str, details: dict[str, Any]) -> None:
    """HTTP only: the hub logs the sockets. Without the query string, which may hold a secret."""
    if protocol == "http" and action == "complete":
        path = details["path"].partition("?")[0]
        milliseconds = details["time_taken"] * 1000
        access_log.info(
            "%s %s %s %s %.0f ms", details["client"], details["method"], path, details["status"], milliseconds
        )


def endpoint_for(bind: str) -> str:
    """
    Twisted's description of HOST:PORT ([::1]:8000 for IPv6). Raises ValueError for anything else.
    """
    host, colon, port = bind.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536 or not host:
        raise ValueError(f"{bind!r}: expected HOST:PORT")
    interface = endpoints.quoteStringArgument(host.strip("[]"))
    return f"tcp:port={port}:interface={interface}:backlog={BACKLOG}"


def serve(application: Any, *, bind: str, drain_seconds: float) -> bool:
    """Runs until a signal ends it. Returns whether it could listen. Raises ValueError for a wrong bind."""
    server = Server(application, endpoint=endpoint_for(bind), drain_seconds=drain_seconds)
    server.run()
    return not server.failed and not reactor.running

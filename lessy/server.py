"""
daphne as production runs it: its own Server and protocol classes, with what its command line lacks.

- a listen backlog that survives a reconnect storm (4,096; with daphne's 50 it takes ten times as long);
- backpressure: `send` waits while the client does not read, so that the outbox can bound it;
- dead peers, half-sent messages and requests end, healthy sockets are never closed for their age;
- a drain on SIGTERM and SIGINT: not ready → no new sockets → `disconnect` to each, spread → exit.
"""

# First: it installs the asyncio reactor.
from daphne.server import Server as DaphneServer  # isort: skip
import asyncio
import gc
import logging
import os
import resource
import signal
import threading
from functools import partial
from typing import Any

from daphne.server import twisted_loop
from twisted.internet import defer, endpoints, reactor
from twisted.logger import STDLibLogObserver, globalLogBeginner

from lessy.http import Channel, Request
from lessy.websocket import CableProtocol
from notifications import framing
from notifications.conf import cable_settings
from notifications.hub import current_hub, stop_hub
from notifications.publisher import publisher

logger = logging.getLogger(__name__)
access_log = logging.getLogger("lessy.access")

BACKLOG = 4096
HTTP_SECONDS = 120
# Requests that are being answered may finish for so long after the drain.
LAST_REQUESTS_SECONDS = 2.0
# What they saved may take so long to be published.
FLUSH_SECONDS = 1.0
# The drain, and so long after it, is all that a stop may take, whatever a thread still does.
LAST_SECONDS = 4.5


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
            # The request is complete by then. What is left is our answer, for which daphne waits 20 s; with
            # autobahn's timer of 5 s, those at the end of a storm's queue would be refused.
            websocket_handshake_timeout=0,
            # What is somewhat too long reaches the hub, which can say so; the rest is cut off.
            websocket_max_message_size=2 * frame,
            websocket_max_frame_size=2 * frame,
            ready_callable=self._when_ready,
            server_name="lessy",
        )
        self.drain_seconds = drain_seconds
        self._stopping: asyncio.Task[None] | None = None

    def _when_ready(self) -> None:
        self.http_factory.protocol = Channel
        # Twisted's own line of a request has its query string, which may hold a secret; log_access has not.
        self.http_factory.log = _say_nothing
        # A client that breaks the websocket protocol hears why (1007, 1009), before its socket goes.
        self.ws_factory.failByDrop = False
        self.ws_factory.protocol = CableProtocol
        for number in (signal.SIGTERM, signal.SIGINT):
            twisted_loop.add_signal_handler(number, self._on_signal, number)
        twisted_loop.call_soon(current_hub)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        if isinstance(protocol, CableProtocol):
            scope["extensions"] = {framing.EXTENSION: {"write": protocol.write_at_once}}
        queue = super().create_application(protocol, scope)
        if queue is not None and isinstance(protocol, CableProtocol):
            task = self.connections[protocol]["application_instance"]
            task.add_done_callback(lambda _: self.forget(protocol))
        return queue

    def forget(self, protocol: CableProtocol | Request) -> None:
        """
        As soon as both the connection and its application have ended. daphne looks once a second: until then
        the dead of a busy second are taken for what lives long, and their memory stays scattered. An
        application that failed is left to daphne, which logs it.
        """
        details = self.connections.get(protocol)
        if details is None or not protocol.lost:
            return
        task = details.get("application_instance")
        if task is None or (task.done() and not task.cancelled() and task.exception() is None):
            del self.connections[protocol]

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
            _exit_at_the_latest_in(self.drain_seconds + LAST_SECONDS)
            self._stopping = twisted_loop.create_task(self._drain_and_stop())
        else:
            logger.warning("%s again: stops at once", signal.Signals(number).name)
            _exit_at_the_latest_in(1)
            self.stop()

    async def _drain_and_stop(self) -> None:
        try:
            await current_hub().drain(self.drain_seconds)
            await self._close_listeners()
            await self._finish_requests()
            await twisted_loop.run_in_executor(None, partial(publisher.flush, FLUSH_SECONDS))
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


def _exit_at_the_latest_in(seconds: float) -> None:
    """A thread that waits for a slow query cannot be cancelled, and Python would wait for it."""
    timer = threading.Timer(seconds, _exit_now)
    timer.daemon = True
    timer.start()


def _exit_now() -> None:
    logger.warning("exits although a request still runs")
    logging.shutdown()
    os._exit(1)


def _allow_many_sockets() -> None:
    """As many files as the system lets us have: the usual soft limit of 1,024 is for programs of old."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _spare_the_collector() -> None:
    """
    Python's own way is to look through everything that lives whenever a quarter has been added: in a storm of
    4,000 sockets seven times, and each time all of them stand still, for up to 0.3 s. So what the boot made,
    which is there for good, is left out, and the rest has its turn after a million new objects. Sockets end
    without it, by their last reference.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000, 10, 100)


def _say_nothing(request: Any) -> None:
    pass


def log_access(protocol: str, action: str, details: dict[str, Any]) -> None:
    """HTTP only: the hub logs the sockets. Without the query string, which may hold a secret."""
    if protocol == "http" and action == "complete":
        path = details["path"].partition("?")[0]
        fields = {
            "client": details["client"],
            "method": details["method"],
            "path": path,
            "status": details["status"],
            "milliseconds": round(details["time_taken"] * 1000, 1),
        }
        access_log.info("%(client)s %(method)s %(path)s %(status)s %(milliseconds)s ms", fields, extra=fields)


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
    _allow_many_sockets()
    globalLogBeginner.beginLoggingTo([STDLibLogObserver("twisted")], redirectStandardIO=False)
    server = Server(application, endpoint=endpoint_for(bind), drain_seconds=drain_seconds)
    _spare_the_collector()
    server.run()
    return not server.failed and not reactor.running

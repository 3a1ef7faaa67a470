"""
daphne as production runs it: its own Server and protocol classes, with what its command line lacks.

- a listen backlog that survives a reconnect storm (4,096; with daphne's 50 it takes ten times as long);
- backpressure: `send` waits while the client does not read, so that the outbox can bound it;
- dead peers and half-sent messages or requests are closed, healthy sockets never for their age;
- turns of the loop that are bounded (loop.py), and a drain on SIGTERM and SIGINT (draining.py).
"""

# First: it installs the asyncio reactor.
from daphne.server import Server as DaphneServer  # isort: skip
import asyncio
import re
import resource
from collections.abc import Callable
from typing import Any

from twisted.internet import defer, endpoints, reactor
from twisted.logger import STDLibLogObserver, globalLogPublisher

from ..broker.installation import is_by_tenant
from ..conf import cable_settings, server_settings
from ..hub.current import current_hub
from ..wire import framing
from . import access_log, collector, loop
from .draining import Shutdown
from .http import Channel, Request
from .ports import reason
from .websocket import CableProtocol

BACKLOG = 4096
HTTP_SECONDS = 120


class Server(DaphneServer):
    def __init__(
        self,
        application: Any,
        *,
        endpoint: str,
        drain_seconds: float,
        access_logger: str,
        on_listening: Callable[[], None],
    ) -> None:
        frame = cable_settings().max_frame_bytes
        super().__init__(
            application,
            endpoints=[endpoint],
            signal_handlers=False,
            action_logger=access_log.access_log(access_logger),
            http_timeout=HTTP_SECONDS,
            websocket_timeout=-1,
            # The cable's heartbeat keeps the connection busy, and the kernel detects dead peers.
            ping_interval=float("inf"),
            # No timer of autobahn's: the request is complete when it would start, and only our answer is
            # missing, for which daphne waits 20 s. After autobahn's 5 s the last handshakes of a storm would
            # be refused.
            websocket_handshake_timeout=0,
            # A frame up to twice the limit reaches the hub, which can report the error. A longer one closes
            # the socket.
            websocket_max_message_size=2 * frame,
            websocket_max_frame_size=2 * frame,
            ready_callable=self._when_ready,
            server_name=server_settings().name,
        )
        self._shutdown = Shutdown(self, drain_seconds)
        self._on_listening = on_listening

    def _when_ready(self) -> None:
        self.http_factory.protocol = Channel
        # Twisted's own log line has the query string, which may hold a secret; that of access_log has not.
        self.http_factory.log = _say_nothing
        # A client that breaks the websocket protocol gets a close code (1007, 1009) before its socket is
        # closed.
        self.ws_factory.failByDrop = False
        self.ws_factory.protocol = CableProtocol
        self._shutdown.listen_to_signals(_loop())
        if not is_by_tenant():  # otherwise each hub starts with its tenant's first socket
            _loop().call_soon(current_hub)

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        scope["extensions"] = {framing.EXTENSION: {"write": protocol.write_at_once}}
        queue = super().create_application(protocol, scope)
        if queue is not None:
            task = self.connections[protocol]["application_instance"]
            task.add_done_callback(lambda _: self.forget(protocol))
        return queue

    def protocol_disconnected(self, protocol: Any) -> None:
        """
        As daphne's, which raises KeyError, and ends nothing, when daphne's check (once a second) has already
        removed a refused handshake whose connection is still open.
        """
        if protocol in self.connections:
            super().protocol_disconnected(protocol)

    def forget(self, protocol: CableProtocol | Request) -> None:
        """
        Forgets a connection as soon as both it and its application have ended. daphne checks once a second:
        until then the garbage collector takes the sockets that ended for long-lived objects, and their memory
        stays fragmented. An application that failed is left to daphne, which logs it.
        """
        details = self.connections.get(protocol)
        if details is None or not protocol.lost:
            return
        task = details.get("application_instance")
        if task is None or (task.done() and not task.cancelled() and task.exception() is None):
            del self.connections[protocol]

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """As daphne's, but `send` waits while the client does not read. For websockets and for streams."""
        if not isinstance(protocol, CableProtocol):
            await super().handle_reply(protocol, message)
            if message.get("more_body") and protocol.channel is not None:
                await protocol.channel.drained()
            return
        details = self.connections.get(protocol)
        if details is None or "disconnected" in details:
            return
        protocol.handle_reply(message)
        if protocol.pressure.paused:
            await protocol.pressure.released()

    def listen_success(self, port: Any) -> None:
        super().listen_success(port)
        self._on_listening()

    def listen_error(self, failure: Any) -> None:
        self.hindrance = reason(getattr(failure.value, "socketError", failure.value))
        self.stop()

    hindrance: str | None = None

    def kill_all_applications(self) -> Any:
        """As daphne's, which fails when a request has no application yet (a half-sent upload)."""
        instances = [details.get("application_instance") for details in self.connections.values()]
        running = [instance for instance in instances if instance is not None and not instance.done()]
        for instance in running:
            instance.cancel()
        return defer.Deferred.fromFuture(asyncio.gather(*running, return_exceptions=True))


def _say_nothing(request: Any) -> None:
    pass


def _loop() -> asyncio.AbstractEventLoop:
    """
    The reactor's loop. daphne.server.twisted_loop is another one if the project has installed a reactor.
    """
    found: asyncio.AbstractEventLoop = reactor._asyncioEventloop
    return found


def _allow_many_sockets() -> None:
    """
    Raises the limit of open files to the hard limit. The usual soft limit of 1,024 is meant for old programs.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def endpoint_for(bind: str) -> str:
    """
    Twisted's description of HOST:PORT ([::1]:8000 for IPv6). Raises ValueError for anything else.
    """
    host, _, port = bind.rpartition(":")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise ValueError("expected HOST:PORT")
    interface = endpoints.quoteStringArgument(host.strip("[]"))
    return f"tcp:port={port}:interface={interface}:backlog={BACKLOG}"


class CannotListen(Exception):
    """The message has the reason."""


def serve(
    application: Any,
    *,
    bind: str,
    drain_seconds: float,
    access_logger: str,
    on_listening: Callable[[], None],
) -> None:
    """
    Runs until a signal ends it. access_logger: the name of the logger of HTTP requests.
    Raises CannotListen, and ValueError for a wrong bind.
    """
    endpoint = endpoint_for(bind)
    _allow_many_sockets()
    loop.bound_turns(_loop())
    # Not beginLoggingTo: daphne calls it, too, and Twisted warns of the second call.
    globalLogPublisher.addObserver(STDLibLogObserver("twisted"))
    server = Server(
        application,
        endpoint=endpoint,
        drain_seconds=drain_seconds,
        access_logger=access_logger,
        on_listening=on_listening,
    )
    collector.spare_long_lived_objects()
    server.run()
    if server.hindrance is not None:
        raise CannotListen(f"cannot listen: {server.hindrance}")

"""
daphne as production runs it: its own Server and protocol classes, with what its command line lacks.

- a listen backlog that survives a reconnect storm (4,096; with daphne's 50 it takes ten times as long);
- backpressure: `send` waits while the client does not read, so that the outbox can bound it;
- dead peers, half-sent messages and requests end, healthy sockets are never closed for their age;
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
            # The cable's pings keep the connection busy, and the kernel notices who does not answer.
            ping_interval=float("inf"),
            # The request is complete by then. What is left is our answer, for which daphne waits 20 s; with
            # autobahn's timer of 5 s, those at the end of a storm's queue would be refused.
            websocket_handshake_timeout=0,
            # What is somewhat too long reaches the hub, which can say so; the rest is cut off.
            websocket_max_message_size=2 * frame,
            websocket_max_frame_size=2 * frame,
            ready_callable=self._when_ready,
            server_name=server_settings().name,
        )
        self._shutdown = Shutdown(self, drain_seconds)
        self._on_listening = on_listening

    def _when_ready(self) -> None:
        self.http_factory.protocol = Channel
        # Twisted's own line of a request has its query string, which may hold a secret; access_log has not.
        self.http_factory.log = _say_nothing
        # A client that breaks the websocket protocol hears why (1007, 1009), before its socket goes.
        self.ws_factory.failByDrop = False
        self.ws_factory.protocol = CableProtocol
        self._shutdown.listen_to_signals(_loop())
        if not is_by_tenant():  # otherwise each begins with its tenant's first socket
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
        As daphne's, which fails with a KeyError, and ends nothing, when its check of each second removed a
        refused handshake before the connection had ended.
        """
        if protocol in self.connections:
            super().protocol_disconnected(protocol)

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
        """As daphne's; and `send` waits while the client does not read, of a websocket and of a stream."""
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
        """As daphne's, which fails when a request has no application yet (an upload half sent)."""
        instances = [details.get("application_instance") for details in self.connections.values()]
        running = [instance for instance in instances if instance is not None and not instance.done()]
        for instance in running:
            instance.cancel()
        return defer.Deferred.fromFuture(asyncio.gather(*running, return_exceptions=True))


def _say_nothing(request: Any) -> None:
    pass


def _loop() -> asyncio.AbstractEventLoop:
    """Of the reactor. daphne.server.twisted_loop is another one where the project had installed a reactor."""
    found: asyncio.AbstractEventLoop = reactor._asyncioEventloop
    return found


def _allow_many_sockets() -> None:
    """As many files as the system lets us have: the usual soft limit of 1,024 is for programs of old."""
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
    """Says why."""


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

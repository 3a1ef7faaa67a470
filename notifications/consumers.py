"""
CableConsumer: frames in, frames out. All decisions are in protocol.py and in the hub.
"""

import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.db import DatabaseError

from .ground.database import DatabaseUnavailable
from .ground.limits import seldom
from .ground.metrics import metrics
from .hub import excess
from .hub.connection import Connection
from .hub.current import current_hub
from .hub.door import Denied, let_in
from .hub.hub import Hub
from .wire import protocol
from .wire.close_codes import ABNORMAL_CLOSURE, DEAD_PEER, INTERNAL_ERROR, NORMAL_CLOSURE, UNAVAILABLE
from .wire.framing import direct_write_of

logger = logging.getLogger(__name__)


# Clients of Rails 6.1 and later repeat each subscribe every 500 ms until it is confirmed, and those of a page
# moved from Rails may name channels that are not ours: a hundred of them must never reach the limit. A
# repeated or unknown subscribe costs only its reading; one that begins a subscription, a whole command more.
SUBSCRIBE_COST = 0.05
BYTES_PER_COMMAND = 16 * 1024


def _command_of(text: str | None, *, extended: bool) -> protocol.Command:
    """Raises ProtocolError."""
    if text is None:
        raise protocol.MalformedFrame("a binary frame")
    return protocol.parse_command(text, extended=extended)


def _cost_of(command: protocol.Command, size: int) -> float:
    """In ordinary commands. size: of its frame, in bytes."""
    return SUBSCRIBE_COST + size / BYTES_PER_COMMAND if command.name == protocol.SUBSCRIBE else 1


class CableConsumer(AsyncJsonWebsocketConsumer):
    """
    One per socket. It has no channel layer: the hub has one for all sockets, so that a socket costs no
    channel, no subscription and no second task.
    """

    channel_layer_alias = ""
    hub: Hub
    connection: Connection | None = None

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """As AsyncConsumer's, without a layer to listen to, so that no task per message is needed."""
        self.scope, self.base_send = scope, send
        try:
            self.hub = current_hub()
        except Exception as exc:
            await self._refuse_without_tenant(exc)
            return
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            return
        finally:
            # Here, not in websocket_disconnect(), which an exception would skip.
            self._end("client")

    async def _refuse_without_tenant(self, failure: Exception) -> None:
        """CABLE["PREFIX"] does not know the tenant of this socket."""
        metrics.count("handshakes:no_tenant")
        logger.error("refused a handshake of no tenant: %s: %s", type(failure).__name__, failure)
        await self.close()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """
        As AsyncConsumer's, without its hop through the shared thread to close old database connections: 40 %
        of all CPU, and one slow query anywhere would stop every socket. Nothing here touches the database.
        """
        await getattr(self, get_handler_name(message))(message)

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        try:
            admission = await let_in(self.hub, self.scope)
        except Denied as denied:
            await self._deny(denied.reason)
            return
        await self.accept(self._subprotocol())
        extended = self._subprotocol() == protocol.EXTENDED
        direct = direct_write_of(self.scope)
        self.connection = self.hub.open(self.base_send, admission, extended=extended, direct=direct)

    async def _deny(self, reason: str) -> None:
        if reason == protocol.SERVER_RESTART:
            # With an HTTP status, after which clients retry: they reach the next process.
            await self.close()
            return
        await self.accept(self._subprotocol())
        if reason == protocol.UNAVAILABLE:
            await self._close_unavailable()
            return
        # Not refused with an HTTP status, after which browsers retry for ever.
        extended = self._subprotocol() == protocol.EXTENDED
        await self.send(protocol.disconnect(reason if extended else protocol.UNAUTHORIZED, reconnect=False))
        await self.close(NORMAL_CLOSURE)

    async def _close_unavailable(self) -> None:
        try:
            await self.close(INTERNAL_ERROR)
        except Exception:  # autobahn's own exception, with plain daphne; from others, that the socket is gone
            with contextlib.suppress(Exception):
                await self.close(UNAVAILABLE)

    def _subprotocol(self) -> str | None:
        return protocol.select_subprotocol(self.scope.get("subprotocols", ()))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """Commands of one connection run strictly in order. A binary frame is ignored, as Rails does."""
        connection = self.connection
        if connection is None or not connection.is_open:
            return
        size = len(text_data if text_data is not None else bytes_data or b"")
        if not excess.count_frame(connection, size):
            return
        command = None
        try:
            command = _command_of(text_data, extended=connection.extended)
            if excess.charge(connection, _cost_of(command, size)):
                await self.hub.handle(connection, command)
        except protocol.ProtocolError as exc:
            if command is None and not excess.charge(connection, 1):
                return
            metrics.count("ignored_frames")
            logger.debug("ignored a frame of user %s: %s", connection.user_id, exc)
        except Exception as exc:
            # The subscription was undone. Without an answer the client would wait on an open socket, and a
            # rejection would end its subscription permanently: it is told to reconnect, and its retry works.
            metrics.count("failed_commands")
            connection.close(protocol.UNAVAILABLE, reconnect=True)
            self._log_failed_command(connection, exc)

    def _log_failed_command(self, connection: Connection, exc: Exception) -> None:
        """Without a traceback if the database is down: its own message is enough."""
        expected = isinstance(exc, DatabaseError | DatabaseUnavailable)
        if (also := seldom.left_out(f"failed command: {expected}")) is not None:
            what = f"{type(exc).__name__}: {exc}"
            trace = None if expected else exc
            logger.error("a command of user %s failed: %s%s", connection.user_id, what, also, exc_info=trace)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        # No client can send this code, so the reason comes from our own server.
        if message.get("code") == ABNORMAL_CLOSURE and message.get("reason") == DEAD_PEER:
            self._end(DEAD_PEER)
        await self.disconnect(message.get("code", NORMAL_CLOSURE))
        raise StopConsumer

    def _end(self, reason: str) -> None:
        if self.connection is not None:
            self.connection.end(reason)

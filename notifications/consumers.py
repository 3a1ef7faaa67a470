"""
CableConsumer: frames in, frames out. What can be decided without it, protocol.py and the hub decide.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.consumer import get_handler_name
from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncJsonWebsocketConsumer

from notifications import protocol
from notifications.admission import AuthenticationUnavailable
from notifications.authentication import parse_handshake
from notifications.connection import ABNORMAL_CLOSURE, DEAD_PEER, INTERNAL_ERROR, NORMAL_CLOSURE, Connection
from notifications.framing import direct_write_of
from notifications.hub import Hub, current_hub
from notifications.metrics import metrics

logger = logging.getLogger(__name__)


class CableConsumer(AsyncJsonWebsocketConsumer):
    """
    One per socket. It names no channel layer: the hub has one for all of them, and so a socket costs no
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
        self.hub = current_hub()
        try:
            while True:
                await self.dispatch(await receive())
        except StopConsumer:
            return
        finally:
            # Here, not in websocket_disconnect(), which an exception would skip.
            self._end("client")

    async def dispatch(self, message: dict[str, Any]) -> None:
        """
        As AsyncConsumer's, without its hop through the shared thread to close old database connections: 40 %
        of all CPU, and one slow query anywhere would stop every socket. Nothing here touches the database.
        """
        await getattr(self, get_handler_name(message))(message)

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        if self.hub.draining:
            # By HTTP status, on which clients retry: the next process has them.
            metrics.count("handshakes:draining")
            await self.close()
            return
        try:
            admission = await self.hub.authenticate(parse_handshake(self.scope["headers"]))
        except AuthenticationUnavailable as exc:
            logger.error("cannot authenticate a handshake: %s", exc)
            metrics.count("handshakes:unavailable")
            await self.accept(self._subprotocol())
            await self.close(INTERNAL_ERROR)
            return
        if self.hub.draining:
            await self.close()
            return
        await self.accept(self._subprotocol())
        if admission is None:
            # Not refused by HTTP status, on which browsers retry for ever.
            metrics.count("handshakes:unauthorized")
            await self.send(protocol.disconnect(protocol.UNAUTHORIZED, reconnect=False))
            await self.close(NORMAL_CLOSURE)
            return
        extended = self._subprotocol() == protocol.EXTENDED
        direct = direct_write_of(self.scope)
        self.connection = self.hub.open(self.base_send, admission, extended=extended, direct=direct)

    def _subprotocol(self) -> str | None:
        return protocol.select_subprotocol(self.scope.get("subprotocols", ()))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """Commands of one connection run strictly in order. A binary frame is ignored, as Rails does."""
        connection = self.connection
        if connection is None or connection.closed is not None:
            return
        size = len(text_data if text_data is not None else bytes_data or b"")
        if not self.hub.count_command(connection, size) or text_data is None:
            return
        try:
            command = protocol.parse_command(text_data, extended=connection.extended)
            await self.hub.handle(connection, command)
        except protocol.ProtocolError as exc:
            metrics.count("ignored_frames")
            logger.debug("ignored a frame of user %s: %s", connection.user_id, exc)
        except Exception:
            # No frame answers it, as in Rails; the subscription was undone, and a retry works.
            logger.exception("a command of user %s failed", connection.user_id)

    async def websocket_disconnect(self, message: dict[str, Any]) -> None:
        # No client can send this code, so that the reason is our own server's.
        if message.get("code") == ABNORMAL_CLOSURE and message.get("reason") == DEAD_PEER:
            self._end(DEAD_PEER)
        await self.disconnect(message.get("code", NORMAL_CLOSURE))
        raise StopConsumer

    def _end(self, reason: str) -> None:
        if self.connection is not None:
            self.connection.end(reason)

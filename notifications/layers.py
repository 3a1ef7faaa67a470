"""
How this app holds a channel layer: one of its own, which it can throw away when it no longer answers.

A layer on Redis cannot see a half-open connection, and a frozen one keeps its lock; a fresh layer has
neither. The in-memory layer is the process's own and is shared: it has nothing to lose.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

from channels.layers import InMemoryChannelLayer, channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer

from notifications.conf import cable_settings

CLOSE_SECONDS = 1.0


class Layer(Protocol):
    async def new_channel(self) -> str: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: dict[str, Any]) -> None: ...
    async def close(self) -> None: ...
    def on_reconnect(self, call: Callable[[], None]) -> None: ...


class _OwnLayer:
    """
    A channel layer with a close() that never raises and never waits for an unreachable server, and with word
    of every connection that was lost and made anew: what was published meanwhile is lost, and the absence may
    be too short for the canary to notice.
    """

    def __init__(self, layer: Any, shared: bool) -> None:
        self._layer = layer
        self._shared = shared
        self.new_channel = layer.new_channel
        self.receive = layer.receive
        self.group_add = layer.group_add
        self.group_discard = layer.group_discard
        self.group_send = layer.group_send
        self._call: Callable[[], None] | None = None

    def on_reconnect(self, call: Callable[[], None]) -> None:
        self._call = call
        for connection in _subscribed_connections(self._layer):
            # Kept by weak reference, and only a method can be.
            connection.register_connect_callback(self._reconnected)

    def _reconnected(self, connection: Any) -> None:
        if self._call is not None:
            self._call()

    async def close(self) -> None:
        if self._shared:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._layer.flush()


def _subscribed_connections(layer: Any) -> Iterator[Any]:
    """
    Of a RedisPubSubChannelLayer, on which subscriptions live; channels_redis has no public way to them. Of
    another layer, none.
    """
    if isinstance(layer, RedisPubSubChannelLayer):
        for shard in layer._get_layer()._shards:
            if shard._pubsub is not None and shard._pubsub.connection is not None:
                yield shard._pubsub.connection


def is_local() -> bool:
    """Whether the layer lives in this process alone."""
    return isinstance(channel_layers[cable_settings().channel_layer], InMemoryChannelLayer)


def open_layer() -> Layer:
    """Of the kind that settings name. Each call makes a new one, save for the in-memory layer."""
    alias = cable_settings().channel_layer
    if is_local():
        return cast(Layer, _OwnLayer(channel_layers[alias], shared=True))
    layer = channel_layers.make_backend(alias)
    if isinstance(layer, RedisPubSubChannelLayer):
        _keep_off_the_loop(layer)
        _send_at_once(layer)
    return cast(Layer, _OwnLayer(layer, shared=False))


def _keep_off_the_loop(layer: RedisPubSubChannelLayer) -> None:
    """
    It would hang itself on the close() of the running loop, and so would live as long as the loop: of those
    that an absence of Redis costs, thousands. We close it ourselves.
    """
    loop = asyncio.get_running_loop()
    close = loop.close
    layer._get_layer()
    loop.close = close  # type: ignore[method-assign]


def _send_at_once(layer: RedisPubSubChannelLayer) -> None:
    """
    redis-py gives each command five seconds, which costs a task and two turns of the loop: in a storm of
    thousands of subscriptions, seconds. Our own deadlines notice a Redis that does not answer.
    """
    for shard in layer._get_layer()._shards:
        shard.host = {"socket_timeout": None, **shard.host}


def shards() -> int:
    """How many servers the layer spreads its groups over."""
    config = channel_layers.configs[cable_settings().channel_layer].get("CONFIG", {})
    return len(config.get("hosts") or [None])

"""
Channel layers of our own, which can be discarded when they no longer answer.

A layer on Redis cannot detect a half-open connection, and a frozen one keeps its lock; a fresh layer has
neither problem. The in-memory layer is shared within the process: it has no connection to lose. On PostgreSQL
(postgres_layer.py) a layer is one connection. Most code that depends on the kind is here and in refusals.py.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

from channels.layers import InMemoryChannelLayer, channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import _consistent_hash
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from ..conf import POSTGRESQL, cable_settings
from ..ground.limits import seldom
from ..ground.metrics import metrics
from .listener import Listener
from .parts import text_of

logger = logging.getLogger(__name__)

CLOSE_SECONDS = 1.0


OnEvent = Callable[[dict[str, Any]], None]


class Layer(Protocol):
    async def new_channel(self) -> str: ...
    async def receive(self, channel: str) -> dict[str, Any]: ...
    async def hear(self, channel: str, on_event: OnEvent) -> None: ...
    async def group_add(self, group: str, channel: str) -> None: ...
    async def group_discard(self, group: str, channel: str) -> None: ...
    async def group_send(self, group: str, message: dict[str, Any]) -> None: ...
    async def close(self) -> None: ...
    async def listeners(self, group: str) -> int | None: ...
    def cut(self) -> None: ...


class _OwnLayer:
    """A channel layer with a close() that never raises and never waits for an unreachable server."""

    def __init__(self, layer: Any, shared: bool) -> None:
        self._layer = layer
        self._shared = shared
        self.new_channel = layer.new_channel
        self.receive = layer.receive
        self.group_add = layer.group_add
        self.group_discard = layer.group_discard
        self.group_send = layer.group_send

    async def hear(self, channel: str, on_event: OnEvent) -> None:
        """Call on_event with each event, until the layer fails; raises what it raises."""
        while True:
            on_event(await self.receive(channel))

    def cut(self) -> None:
        """Breaks the receiving connections, as a network failure would. This kind of layer has none."""

    async def listeners(self, group: str) -> int | None:
        """
        How many layers are in the group, by Redis' count of its subscribers, which may include one that has
        just vanished. None for another kind of layer, or if the Redis user may not ask.
        """
        if not isinstance(self._layer, RedisPubSubChannelLayer):
            return None
        layer = self._layer._get_layer()
        channel = layer._get_group_channel_name(group)
        shard = layer._get_shard(channel)
        shard._ensure_redis()
        try:
            [(_, count)] = await shard._redis.pubsub_numsub(channel)
        except ResponseError:
            return None
        return int(count)

    async def close(self) -> None:
        if self._shared:
            return
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._layer.flush()


class _RedisLayer(_OwnLayer):
    """
    For a hub: publishes as RedisPubSubChannelLayer does, and receives by listeners of its own, one per
    server. All groups that it joins belong to one channel, the hub's.
    """

    def __init__(self, layer: RedisPubSubChannelLayer) -> None:
        super().__init__(layer, shared=False)
        self.new_channel = self._open
        self.group_add = self._subscribe
        self.group_discard = self._unsubscribe
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_event: OnEvent = _nobody_hears
        self._listeners: list[Listener] = []

    async def hear(self, channel: str, on_event: OnEvent) -> None:
        """Raises when a connection is lost, even if another can be made: messages sent meanwhile are lost."""
        self._on_event = on_event
        await self._failure

    async def _open(self) -> str:
        for shard in self._layer._get_layer()._shards:
            listener = Listener(self._hear, self._fail)
            self._listeners.append(listener)
            await listener.open(shard.host)
        return ""

    async def _subscribe(self, group: str, channel: str) -> None:
        name, listener = self._place_of(group)
        listener.subscribe(name)

    async def _unsubscribe(self, group: str, channel: str) -> None:
        name, listener = self._place_of(group)
        listener.unsubscribe(name)

    def _place_of(self, group: str) -> tuple[str, Listener]:
        """
        The Redis channel of a group, and the listener on its server. channels_redis has no public API for
        either.
        """
        layer = self._layer._get_layer()
        name = layer._get_group_channel_name(group)
        return name, self._listeners[_consistent_hash(name, len(layer._shards))]

    def _hear(self, data: bytes) -> None:
        try:
            event = self._layer.deserialize(data)
        except Exception as exc:
            # From another program, or encrypted with a key that is not known here yet. Other messages are not
            # affected.
            metrics.count("bad_events")
            if (also := seldom.left_out("undecodable")) is not None:
                logger.warning("a message on Redis cannot be read: %s: %s%s", type(exc).__name__, exc, also)
            return
        self._on_event(event)

    def _fail(self, failure: Exception) -> None:
        if not self._failure.done():
            self._failure.set_exception(failure)
            # Retrieved here, because an attempt that was given up does not await it.
            self._failure.exception()

    def cut(self) -> None:
        for listener in self._listeners:
            listener.cut()

    async def close(self) -> None:
        self._failure.cancel()
        for listener in self._listeners:
            await listener.close()
        await super().close()


def _nobody_hears(event: dict[str, Any]) -> None:
    """Drops events that arrive before hear() is called."""


def is_on_postgres() -> bool:
    return cable_settings().broker == POSTGRESQL


def broker_name() -> str:
    """The broker's name, for messages."""
    return "PostgreSQL" if is_on_postgres() else "Redis"


def is_local() -> bool:
    """Whether the layer lives in this process alone."""
    return not is_on_postgres() and isinstance(
        channel_layers[cable_settings().channel_layer], InMemoryChannelLayer
    )


def open_layer(*, for_hub: bool = False) -> Layer:
    """
    A layer of the kind in the settings. Each call makes a new one, except for the in-memory layer.

    for_hub: it receives many events, by hear().
    """
    if is_on_postgres():
        # Imported here: a project without PostgreSQL need not have psycopg.
        from .postgres_layer import PostgresLayer

        return PostgresLayer()
    alias = cable_settings().channel_layer
    if is_local():
        return cast(Layer, _OwnLayer(channel_layers[alias], shared=True))
    layer = channel_layers.make_backend(alias)
    if isinstance(layer, RedisPubSubChannelLayer):
        _keep_off_the_loop(layer)
        _send_at_once(layer)
        if for_hub:
            return cast(Layer, _RedisLayer(layer))
    return cast(Layer, _OwnLayer(layer, shared=False))


def _keep_off_the_loop(layer: RedisPubSubChannelLayer) -> None:
    """
    The layer would hook itself into close() of the running loop, and so live as long as the loop: thousands
    of them after an outage of Redis. We close it ourselves.
    """
    loop = asyncio.get_running_loop()
    close = loop.close
    layer._get_layer()
    loop.close = close  # type: ignore[method-assign]


def _send_at_once(layer: RedisPubSubChannelLayer) -> None:
    """
    Disables redis-py's time-out of five seconds per command, which costs a task and two turns of the loop:
    seconds, in a storm of thousands of subscriptions. Our own deadlines detect a Redis that does not answer.
    """
    for shard in layer._get_layer()._shards:
        shard.host = {"socket_timeout": None, **shard.host}


def shards() -> int:
    """How many servers the layer spreads its groups over."""
    if is_on_postgres():
        return 1
    return len(_config().get("hosts") or [None])


def shard_of(group: str) -> int:
    """
    The number of the server that carries the group, from 0. Computed as by RedisPubSubChannelLayer, which has
    no public API for it. For another kind of layer: one of shards(), always the same.
    """
    if is_on_postgres():
        return 0
    channel = f"{_config().get('prefix', 'asgi')}__group__{group}"
    return int(_consistent_hash(channel, shards()))


def _config() -> Mapping[str, Any]:
    config: Mapping[str, Any] = channel_layers.configs[cable_settings().channel_layer].get("CONFIG", {})
    return config


def require_serialisable(event: dict[str, Any]) -> None:
    """
    Raises what the layer's own serialiser raises: TypeError, ValueError or OverflowError. The in-memory layer
    has none, and accepts everything.
    """
    if is_on_postgres():
        text_of(event)
        return
    serialise = getattr(channel_layers[cable_settings().channel_layer], "serialize", None)
    if serialise is not None:
        serialise(event)


def transport_failed(failure: BaseException) -> bool:
    """
    Whether the server could not be reached, which is temporary. False if the server refused the message.
    """
    return isinstance(failure, OSError | TimeoutError | RedisConnectionError | RedisTimeoutError)

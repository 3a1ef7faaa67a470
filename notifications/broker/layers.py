"""
How this app holds a channel layer: one of its own, which it can throw away when it no longer answers.

A layer on Redis cannot see a half-open connection, and a frozen one keeps its lock; a fresh layer has
neither. The in-memory layer is the process's own and is shared: it has nothing to lose. On PostgreSQL
(postgres_layer.py) a layer is one connection. Here, and in refusals.py, is all that depends on which it is.
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
        """Break the connections on which it hears, as the network may at any time. Here are none."""

    async def listeners(self, group: str) -> int | None:
        """
        How many layers are in the group, as Redis counts its subscribers: one that has just vanished may be
        among them. None of another layer, and where the Redis user may not ask.
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
    For a hub: publishes as RedisPubSubChannelLayer does, and hears by listeners of its own, one for each
    server. The groups that it joins are all of one channel, that of the hub.
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
        """A lost connection is a failure, even if another can be made: what came meanwhile is lost."""
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
        """The channel of Redis, and who listens to its server; channels_redis has no public way to them."""
        layer = self._layer._get_layer()
        name = layer._get_group_channel_name(group)
        return name, self._listeners[_consistent_hash(name, len(layer._shards))]

    def _hear(self, data: bytes) -> None:
        try:
            event = self._layer.deserialize(data)
        except Exception as exc:
            # Of another program, or encrypted with a key that is not known here yet. It costs nobody else.
            metrics.count("bad_events")
            if (also := seldom.left_out("undecodable")) is not None:
                logger.warning("a message on Redis cannot be read: %s: %s%s", type(exc).__name__, exc, also)
            return
        self._on_event(event)

    def _fail(self, failure: Exception) -> None:
        if not self._failure.done():
            self._failure.set_exception(failure)
            # Nobody may be there to hear of it: an attempt that was given up.
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
    """Before hear()."""


def is_on_postgres() -> bool:
    return cable_settings().broker == POSTGRESQL


def broker_name() -> str:
    """For messages."""
    return "PostgreSQL" if is_on_postgres() else "Redis"


def is_local() -> bool:
    """Whether the layer lives in this process alone."""
    return not is_on_postgres() and isinstance(
        channel_layers[cable_settings().channel_layer], InMemoryChannelLayer
    )


def open_layer(*, for_hub: bool = False) -> Layer:
    """
    Of the kind that settings name. Each call makes a new one, save for the in-memory layer.

    for_hub: it hears of much, and by hear().
    """
    if is_on_postgres():
        # Not above: a project without PostgreSQL need not have psycopg.
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
    if is_on_postgres():
        return 1
    return len(_config().get("hosts") or [None])


def shard_of(group: str) -> int:
    """
    The server that carries the group, counted from 0. As RedisPubSubChannelLayer has it, which has no public
    way to ask; of another layer, one of shards() and always the same.
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
    has none, and carries everything.
    """
    if is_on_postgres():
        text_of(event)
        return
    serialise = getattr(channel_layers[cable_settings().channel_layer], "serialize", None)
    if serialise is not None:
        serialise(event)


def transport_failed(failure: BaseException) -> bool:
    """Whether the server could not be reached, which passes; not, whether it refused what was sent."""
    return isinstance(failure, OSError | TimeoutError | RedisConnectionError | RedisTimeoutError)

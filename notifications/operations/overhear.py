"""
The notifications as they pass between processes, for `cable_tail`. It subscribes to all groups of the broker
at once, so that it costs nothing while nobody listens.

It receives what is published, whether or not a client is connected. What a catch-up or a resume reads from
the tables does not pass there, and is not received.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Any

from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import create_pool
from redis import asyncio as aioredis

from ..broker.events import (
    CHANGES,
    SHARED,
    changes_of,
    changes_of_shared,
    control_group,
    group_for_user,
    pattern_of_all_users,
    public_group,
)
from ..broker.layers import is_on_postgres
from ..conf import cable_settings
from ..wire.payloads import Change, Key, key_of

# How long a read of Redis waits for the next message before it is repeated.
READ_SECONDS = 1.0

Event = dict[str, Any]
# Starts receiving, and closes by the stack. Puts each event into the queue, or the exception that ends it.
Source = Callable[[AsyncExitStack, "asyncio.Queue[Event | Exception]"], Any]


class CannotOverhear(Exception):
    """Not possible with this layer."""


class Overheard:
    """
    async with Overheard(user_id) as heard:  # None: of every user
        async for change, at in heard: …     # at: of the commit, in seconds since the epoch

    Raises CannotOverhear, and what the broker's driver raises when the connection is lost.
    """

    def __init__(self, user_id: Key | None) -> None:
        self._user = None if user_id is None else key_of(user_id)
        own = pattern_of_all_users() if user_id is None else group_for_user(user_id)
        groups = (own, public_group(), control_group())
        self._source = _from_postgres(groups) if is_on_postgres() else _from_redis(groups)
        self._events: asyncio.Queue[Event | Exception] = asyncio.Queue()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Overheard":
        async with AsyncExitStack() as stack:
            await self._source(stack, self._events)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def __aiter__(self) -> AsyncIterator[tuple[Change, float]]:
        while True:
            event = await self._events.get()
            if isinstance(event, Exception):
                raise event
            for change in _changes_of(event):
                if self._user in (None, change.user_id):
                    yield change, event["at"]


def _from_postgres(groups: Iterable[str]) -> Source:
    from ..broker.postgres_layer import PostgresLayer

    pattern = re.compile("|".join(re.escape(group).replace(r"\*", ".*") for group in groups))

    async def begin(stack: AsyncExitStack, events: "asyncio.Queue[Event | Exception]") -> None:
        layer = PostgresLayer(lambda group: pattern.fullmatch(group) is not None)
        stack.push_async_callback(layer.close)
        channel = await layer.new_channel()
        reading = asyncio.get_running_loop().create_task(_put(events, lambda: layer.receive(channel)))
        stack.callback(reading.cancel)

    return begin


def _from_redis(groups: Iterable[str]) -> Source:
    layer: Any = channel_layers.make_backend(cable_settings().channel_layer)
    if not isinstance(layer, RedisPubSubChannelLayer):
        raise CannotOverhear(
            "only what passes between processes can be heard: the in-memory layer is private"
        )

    async def begin(stack: AsyncExitStack, events: "asyncio.Queue[Event | Exception]") -> None:
        loop_layer = layer._get_layer()
        prefix = re.sub(r"([*?\[\]\\])", r"\\\1", loop_layer._get_group_channel_name(""))
        for shard in loop_layer._shards:
            # A client closes no pool that it was given, and redis-py 4 knows close() but not aclose().
            pool = create_pool(shard.host)
            stack.push_async_callback(pool.disconnect)
            pubsub = aioredis.Redis(connection_pool=pool).pubsub()
            await pubsub.psubscribe(*(prefix + group for group in groups))
            for _ in groups:
                await _confirmed(pubsub)
            reading = asyncio.get_running_loop().create_task(_put(events, _reader(layer, pubsub)))
            stack.callback(reading.cancel)

    return begin


def _reader(layer: Any, pubsub: Any) -> Callable[[], Any]:
    async def read() -> Event:
        message = None
        while message is None:
            message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=READ_SECONDS)
        event: Event = layer.deserialize(message["data"])
        return event

    return read


async def _put(events: "asyncio.Queue[Event | Exception]", read: Callable[[], Any]) -> None:
    try:
        while True:
            events.put_nowait(await read())
    except Exception as exc:
        events.put_nowait(exc)


def _changes_of(event: Event) -> Iterable[Change]:
    if event.get("type") == CHANGES:
        return changes_of(event)
    return changes_of_shared(event) if event.get("type") == SHARED else ()


async def _confirmed(pubsub: Any) -> None:
    """Returns when the subscription is active: what is published from now on is received."""
    while (answer := await pubsub.get_message(timeout=READ_SECONDS)) is None or answer[
        "type"
    ] != "psubscribe":
        pass

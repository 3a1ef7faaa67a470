"""
The notifications as they pass through Redis, for `cable_tail`. Redis is asked for the groups by a pattern, so
that it costs nobody anything while nobody listens.

Heard is what is published, whether or not anybody is connected; what a catch-up or a resume reads from the
tables does not pass through Redis, and is not heard.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from channels_redis.utils import create_pool
from redis import asyncio as aioredis

from notifications.conf import cable_settings
from notifications.events import CHANGES, group_for_user
from notifications.payloads import Change, Key

# How long a read of Redis waits for the next message before it begins anew.
READ_SECONDS = 1.0


class CannotOverhear(Exception):
    """Not with this layer."""


class Overheard:
    """
    async with Overheard(user_id) as heard:  # None: of every user
        async for change, at in heard: …     # at: of the commit, in seconds since the epoch

    Raises CannotOverhear, and redis' exceptions when it goes away.
    """

    def __init__(self, user_id: Key | None) -> None:
        layer = channel_layers.make_backend(cable_settings().channel_layer)
        if not isinstance(layer, RedisPubSubChannelLayer):
            raise CannotOverhear(
                "only what passes through Redis can be heard: the in-memory layer is private"
            )
        self._layer: Any = layer
        self._group = "user.*" if user_id is None else group_for_user(user_id)
        self._messages: asyncio.Queue[dict[str, Any] | Exception] = asyncio.Queue()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Overheard":
        async with AsyncExitStack() as stack:
            loop_layer = self._layer._get_layer()
            prefix = re.sub(r"([*?\[\]\\])", r"\\\1", loop_layer._get_group_channel_name(""))
            for shard in loop_layer._shards:
                redis = aioredis.Redis(connection_pool=create_pool(shard.host))
                stack.push_async_callback(redis.aclose)
                pubsub = redis.pubsub()
                await pubsub.psubscribe(prefix + self._group)
                await _confirmed(pubsub)
                reader = asyncio.get_running_loop().create_task(self._read(pubsub))
                stack.callback(reader.cancel)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def __aiter__(self) -> AsyncIterator[tuple[Change, float]]:
        while True:
            message = await self._messages.get()
            if isinstance(message, Exception):
                raise message
            event = self._layer.deserialize(message["data"])
            if event.get("type") == CHANGES:
                for fields in event["changes"]:
                    yield Change._make(fields), event["at"]

    async def _read(self, pubsub: Any) -> None:
        try:
            while True:
                message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=READ_SECONDS)
                if message is not None:
                    self._messages.put_nowait(message)
        except Exception as exc:
            self._messages.put_nowait(exc)


async def _confirmed(pubsub: Any) -> None:
    """What is published from now on is heard."""
    while (answer := await pubsub.get_message(timeout=READ_SECONDS)) is None or answer[
        "type"
    ] != "psubscribe":
        pass

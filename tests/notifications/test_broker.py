"""The broker's word of what may be missing, against a real Redis."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from notifications.broker.broker import Broker
from notifications.broker.layers import open_layer

GROUP = "user.1"


@pytest.fixture
def redis_layer(new_redis, settings):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [new_redis.url]},
        }
    }
    return new_redis


@asynccontextmanager
async def running():
    """A broker, the events that it got, and the gaps that it told of."""
    events, gaps = asyncio.Queue(), asyncio.Queue()
    broker = Broker(events.put_nowait, gaps.put_nowait)
    broker.start()
    try:
        async with asyncio.timeout(10):
            await gaps.get()
        yield broker, events, gaps
    finally:
        await broker.stop()


async def publish(event):
    layer = open_layer()
    await layer.group_send(GROUP, event)
    await layer.close()


async def test_what_is_published_after_a_join_arrives(redis_layer):
    async with running() as (broker, events, _):
        await broker.join(GROUP)
        await publish({"type": "x"})
        async with asyncio.timeout(20):
            assert await events.get() == {"type": "x"}


async def test_a_redis_that_was_gone_for_less_than_a_canary_is_a_gap(redis_layer):
    async with running() as (broker, _, gaps):
        await broker.join(GROUP)
        redis_layer.kill()
        await asyncio.to_thread(redis_layer.start)
        async with asyncio.timeout(20):
            await gaps.get()


async def test_while_redis_is_away_a_join_does_not_wait_and_is_made_up_for(redis_layer):
    async with running() as (broker, events, gaps):
        redis_layer.kill()
        async with asyncio.timeout(10):
            while broker.healthy:  # noqa: ASYNC110 nothing tells of it but the readiness
                await asyncio.sleep(0.01)
        async with asyncio.timeout(0.5):
            await broker.join(GROUP)
        await asyncio.to_thread(redis_layer.start)
        async with asyncio.timeout(10):
            await gaps.get()
            await broker.join(GROUP)
            await publish({"type": "x"})
            assert await events.get() == {"type": "x"}


async def test_a_group_left_and_wanted_again_is_not_lost(redis_layer):
    async with running() as (broker, events, _):
        others = [f"user.{number}" for number in range(2, 100)]
        for group in (*others, GROUP):
            await broker.join(group)
        for group in (*others, GROUP):
            broker.leave(group)
        leaving = asyncio.create_task(broker._leave_unwanted(broker._session))
        await asyncio.sleep(0)
        await broker.join(GROUP)
        await leaving
        await publish({"type": "x"})
        async with asyncio.timeout(20):
            assert await events.get() == {"type": "x"}


async def test_an_event_that_cannot_be_handled_does_not_cost_the_next(redis_layer):
    async with running() as (broker, events, _):
        put = broker._on_event

        def fail_once(event):
            broker._on_event = put
            raise ValueError(event)

        broker._on_event = fail_once
        await broker.join(GROUP)
        await publish({"type": "bad"})
        await publish({"type": "good"})
        async with asyncio.timeout(20):
            assert await events.get() == {"type": "good"}

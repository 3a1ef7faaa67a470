"""Layers of our own come and go as often as Redis does."""

import asyncio
import gc

import pytest
from channels_redis.pubsub import RedisPubSubLoopLayer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from notifications.broker.layers import open_layer
from notifications.ground.metrics import metrics
from tests.support.processes import free_port


@pytest.fixture(params=["away", "there"])
def redis_layer(request, redis_server, settings):
    url = redis_server.url if request.param == "there" else f"redis://127.0.0.1:{free_port()}/0"
    settings.CHANNEL_LAYERS = layers_on(url)
    return request.param


def layers_on(url):
    return {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}
    }


async def use_once():
    layer = open_layer()
    try:
        channel = await layer.new_channel()
        await layer.group_add("user.1", channel)
        await layer.group_send("user.1", {"type": "x"})
    except RedisError:
        pass
    finally:
        await layer.close()


def alive():
    gc.collect()
    return sum(isinstance(each, RedisPubSubLoopLayer) for each in gc.get_objects())


async def test_a_layer_that_is_closed_leaves_nothing_behind(redis_layer):
    await use_once()
    before, tasks = alive(), len(asyncio.all_tasks())
    for _ in range(20):
        await use_once()
    assert alive() <= before + 1
    assert len(asyncio.all_tasks()) == tasks


async def test_a_message_that_cannot_be_read_costs_no_other(redis_server, settings):
    """Of another program, say. The session with Redis would end with it, and what is published meanwhile."""
    settings.CHANNEL_LAYERS = layers_on(redis_server.url)
    layer, heard, before = open_layer(for_hub=True), asyncio.Queue(), metrics.counts["bad_events"]
    channel = await layer.new_channel()
    hearing = asyncio.ensure_future(layer.hear(channel, heard.put_nowait))
    await layer.group_add("user.1", channel)
    async with Redis(port=redis_server.port) as redis, asyncio.timeout(10):
        while not await redis.publish("asgi__group__user.1", b"garbage"):  # noqa: ASYNC110 Redis counts
            await asyncio.sleep(0.001)
        await layer.group_send("user.1", {"type": "x"})
        assert await heard.get() == {"type": "x"}
    assert metrics.counts["bad_events"] == before + 1
    assert not hearing.done()
    await layer.close()
    hearing.cancel()

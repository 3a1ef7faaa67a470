"""Layers of our own come and go as often as Redis does."""

import asyncio
import gc

import pytest
from channels_redis.pubsub import RedisPubSubLoopLayer
from redis.exceptions import RedisError

from notifications.broker.layers import open_layer
from tests.support.processes import free_port


@pytest.fixture(params=["away", "there"])
def redis_layer(request, redis_server, settings):
    url = redis_server.url if request.param == "there" else f"redis://127.0.0.1:{free_port()}/0"
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": {"hosts": [url]}}
    }
    return request.param


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

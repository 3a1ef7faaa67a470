"""What is read of Redis without redis-py's reader, from a real one."""

import asyncio
import contextlib
import gc
import time

import pytest
import redis
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from notifications.broker.listener import TURN_SECONDS, Listener

# redis-py 4 knows the old one alone, and has no name for it.
PROTOCOLS = [{"protocol": 2}, {"protocol": 3}] if redis.__version__ >= "5" else [{}]


class Heard:
    def __init__(self):
        self.messages, self.failures = [], []

    async def until(self, condition):
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 lists tell, not events
                await asyncio.sleep(0.001)


@pytest.fixture
def heard():
    return Heard()


@contextlib.asynccontextmanager
async def listening(server, heard, *channels, on_message=None, **host):
    listener = Listener(on_message or heard.messages.append, heard.failures.append)
    try:
        await listener.open({"address": server.url, **host})
        for channel in channels:
            listener.subscribe(channel)
        yield listener
    finally:
        await listener.close()


async def publish(server, channel, *messages):
    """When Redis has taken all of them, for at least one who listens."""
    async with Redis(port=server.port) as redis:
        while not await redis.publish(channel, "begin"):  # noqa: ASYNC110 Redis counts who listens
            await asyncio.sleep(0.001)
        async with redis.pipeline(transaction=False) as pipeline:
            for message in messages:
                pipeline.publish(channel, message)
            await pipeline.execute()


@pytest.mark.parametrize("options", PROTOCOLS)
async def test_all_that_is_published_is_heard_in_its_order(redis_server, heard, options):
    sent = [b"%d %s" % (number, b"x" * (number % 977)) for number in range(5_000)]
    async with listening(redis_server, heard, "in order", **options):
        await publish(redis_server, "in order", *sent)
        await heard.until(lambda: heard.messages[-1:] == sent[-1:])
    assert heard.messages == [b"begin", *sent]


async def test_a_channel_that_was_left_is_not_heard(redis_server, heard):
    async with listening(redis_server, heard, "left", "kept") as listener:
        await publish(redis_server, "left")
        listener.unsubscribe("left")
        async with Redis(port=redis_server.port) as redis:
            while await redis.publish("left", "late"):  # noqa: ASYNC110 the same
                await asyncio.sleep(0.001)
        heard.messages.clear()
        await publish(redis_server, "kept", "end")
        await heard.until(lambda: b"end" in heard.messages)
    assert b"late" not in heard.messages


async def test_a_burst_leaves_the_loop_to_others(redis_server, heard):
    """Many messages come with one read; each of these takes a whole turn."""
    turns = []

    def hear(data):
        heard.messages.append(data)
        end = time.monotonic() + TURN_SECONDS * 1.2
        while time.monotonic() < end:
            pass

    async def count():
        while True:
            turns.append(len(heard.messages))
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    async with listening(redis_server, heard, "burst", on_message=hear):
        await publish(redis_server, "burst", *(str(number) for number in range(50)))
        await heard.until(lambda: len(heard.messages) == 51)
    counting.cancel()
    assert set(turns) >= set(range(2, 51))


class Transport:
    """One that delivers after it was paused what it had decrypted before, as that of TLS does."""

    def __init__(self):
        self.calls = []

    def pause_reading(self):
        self.calls.append("pause")

    def resume_reading(self):
        self.calls.append("resume")


async def test_a_burst_that_goes_on_is_heard_one_turn_at_a_time(heard):
    """However often more is read meanwhile; and no more is read before all of it was heard."""
    loop, messages, most = asyncio.get_running_loop(), 0, 0

    def hear(data):
        nonlocal messages
        messages += 1
        end = loop.time() + TURN_SECONDS * 1.2
        while loop.time() < end:
            pass

    listener = Listener(hear, heard.failures.append)
    transport = listener._transport = Transport()
    part = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nx\r\n" * 8
    for _ in range(4):
        listener.data_received(part)
        before = messages
        await asyncio.sleep(0)
        most = max(most, messages - before)
    while messages < 32:
        before = messages
        await asyncio.sleep(0)
        most = max(most, messages - before)
    await asyncio.sleep(0)
    assert most == 1
    assert transport.calls == ["pause", "resume"]


@pytest.mark.parametrize("by", ["cut", "server"])
async def test_a_lost_connection_is_told_of_once(new_redis, heard, by):
    async with listening(new_redis, heard, "lost") as listener:
        await publish(new_redis, "lost")
        listener.cut() if by == "cut" else new_redis.kill()
        await heard.until(lambda: heard.failures)
        listener.cut()
        await asyncio.sleep(0)
    [failure] = heard.failures
    assert isinstance(failure, ConnectionError)


async def test_a_refusal_is_told_of_in_redis_own_words(new_redis, heard):
    async with Redis(port=new_redis.port) as redis:
        await redis.execute_command("ACL", "SETUSER", "deaf", "on", ">secret", "~*", "&allowed", "+@all")
        async with listening(new_redis, heard, "forbidden", username="deaf", password="secret"):
            await heard.until(lambda: heard.failures)
    assert "NOPERM" in str(heard.failures[0])


async def test_what_redis_cannot_have_said_is_a_failure(redis_server, heard):
    async with listening(redis_server, heard) as listener:
        listener.data_received(b"<html>\r\n")
        await asyncio.sleep(0)
    assert "Protocol error" in str(heard.failures[0])


async def test_what_cannot_be_opened_says_why(new_redis, heard):
    with pytest.raises(AuthenticationError):
        async with listening(new_redis, heard, username="nobody", password="wrong"):
            pass


@pytest.mark.filterwarnings("error")
async def test_who_closes_leaves_nothing_behind(redis_server, heard):
    before = len(asyncio.all_tasks())
    async with listening(redis_server, heard, "gone"):
        await publish(redis_server, "gone")
    gc.collect()
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == before
    assert heard.failures == []

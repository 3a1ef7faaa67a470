"""One thread that reads, by itself: what it answers, and what becomes of it when it is abandoned."""

import asyncio
import contextvars
import threading

import pytest
from django.db import OperationalError

from notifications.ground.reader_thread import ReaderThread

TENANT = contextvars.ContextVar("tenant", default="nobody's")


@pytest.fixture
async def reader():
    found = ReaderThread("test-reader", contextvars.copy_context())
    yield found
    async with asyncio.timeout(10):
        await found.end()


@pytest.fixture
def released():
    """Hanging reads wait for it, and end with the test."""
    event = threading.Event()
    yield event
    event.set()


async def test_reads_are_answered_in_order_on_one_thread_of_its_name(reader):
    answers = [reader.ask(lambda: threading.current_thread(), again=False) for _ in range(3)]
    found = set(await asyncio.gather(*answers))
    assert [each.name for each in found] == ["test-reader"]


async def test_it_reads_in_the_context_that_it_was_given():
    TENANT.set("mine")
    reader = ReaderThread("test-reader", contextvars.copy_context())
    TENANT.set("another's")
    assert await reader.ask(TENANT.get, again=False) == "mine"
    await reader.end()


@pytest.mark.parametrize(("again", "reads"), [(True, 2), (False, 1)])
async def test_a_lost_connection_is_tried_once_more_where_the_read_can_be_repeated(reader, again, reads):
    done = []

    def read():
        done.append(1)
        raise OperationalError("the server closed the connection")

    with pytest.raises(OperationalError):
        await reader.ask(read, again=again)
    assert len(done) == reads


async def test_an_abandoned_one_repeats_nothing_and_ends_with_its_wait(released):
    reader, begun, done = ReaderThread("test-reader", contextvars.copy_context()), threading.Event(), []

    def read():
        done.append(1)
        begun.set()
        released.wait()
        raise OperationalError("its socket was shut down")

    answer = reader.ask(read, again=True)
    await asyncio.to_thread(begun.wait)
    ended = reader.abandon()
    assert not ended.done()
    released.set()
    async with asyncio.timeout(10):
        await ended
    assert isinstance(answer.exception(), OperationalError)
    assert len(done) == 1

"""The threads that read the database for the hub: none of them is waited for beyond its deadline."""

import asyncio
import threading
import time
from contextlib import closing
from itertools import count

import pytest
from django.db import OperationalError, connections

from notifications.ground import reader_thread
from notifications.ground.database import (
    MAX_ABANDONED,
    DatabaseStream,
    DatabaseThreads,
    DatabaseUnavailable,
    ReadTimedOut,
)
from notifications.ground.metrics import metrics
from tests.support.postgres import new_postgres
from tests.support.waiting import eventually

SHORT = 0.05
ALIAS = "silent"


@pytest.fixture
def released():
    """Hanging reads wait for it, and end with the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
async def threads():
    found = DatabaseThreads(1, "test-reads")
    yield found
    await found.close()


@pytest.fixture(scope="module")
def postgres(django_db_blocker):
    """
    A PostgreSQL that is the database ALIAS, and a look at what it does: statements(text) are those that run
    and contain this text.
    """
    with new_postgres() as server, django_db_blocker.unblock():
        config = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "lessy"}
        config |= {"HOST": "127.0.0.1", "PORT": server.port}
        connections.settings[ALIAS] = connections.configure_settings({"default": {}, ALIAS: config})[ALIAS]
        yield statements
        del connections.settings[ALIAS]


def statements(text):
    with closing(connections[ALIAS]), connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND position(%s in query) > 0"
            " AND pid <> pg_backend_pid()",
            [text],
        )
        return [pid for (pid,) in cursor.fetchall()]


def executing(sql):
    def execute():
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()

    return execute


async def overstaying(threads, read):
    with pytest.raises(ReadTimedOut):
        await threads.run(read, seconds=SHORT)


async def test_a1_a_read_that_overstays_is_abandoned_and_counted_and_the_next_one_works(threads, released):
    before = metrics.counts["abandoned_reads"]
    await overstaying(threads, released.wait)
    assert threads.abandoned == 1
    assert metrics.counts["abandoned_reads"] == before + 1
    assert await threads.run(lambda: "read") == "read"


async def test_a1_abandoned_threads_are_bounded_and_count_no_more_once_they_end(threads, released):
    for _ in range(MAX_ABANDONED):
        await overstaying(threads, released.wait)
    with pytest.raises(DatabaseUnavailable, match="still wait"):
        await threads.run(pytest.fail)
    released.set()
    await asyncio.to_thread(eventually, lambda: not threads.abandoned, 10, "the end of the abandoned ones")
    assert await threads.run(lambda: "read") == "read"


async def test_a1_a_read_does_not_wait_for_its_turn_for_good_where_all_threads_hang(threads, released):
    hanging = asyncio.create_task(threads.run(released.wait, seconds=3600))
    waiting = [asyncio.create_task(threads.run(pytest.fail, seconds=SHORT)) for _ in range(5)]
    for each in waiting:
        with pytest.raises(ReadTimedOut, match="no thread was free"):
            await each
    released.set()
    assert await hanging is True
    assert await threads.run(lambda: "read") == "read"


async def test_however_many_wait_each_has_its_turn_while_the_threads_answer(threads):
    """All of them together take far longer than one of them may wait for an answer."""
    reads = [threads.run(lambda: threading.Event().wait(SHORT), seconds=10 * SHORT) for _ in range(40)]
    assert await asyncio.gather(*reads) == [False] * 40


async def test_a1_the_threads_do_not_keep_the_process(threads, released):
    await overstaying(threads, released.wait)
    await threads.run(lambda: None)
    theirs = [each for each in threading.enumerate() if each.name == "test-reads"]
    assert len(theirs) == 2
    assert all(each.daemon for each in theirs)


async def test_a_read_that_lost_its_connection_is_repeated_and_one_step_of_an_iterator_is_not(threads):
    tries = count(1)

    def lose_the_first():
        if (number := next(tries)) % 2:
            raise OperationalError("gone")
        return number

    assert await threads.run(lose_the_first) == 2
    with pytest.raises(OperationalError):
        await threads.run_once(lose_the_first)


async def test_a1_an_abandoned_read_is_not_begun_again(threads, released):
    begun = []

    def lose_the_connection_late():
        begun.append(True)
        released.wait()
        raise OperationalError("the socket was shut down")

    await overstaying(threads, lose_the_connection_late)
    released.set()
    await asyncio.to_thread(eventually, lambda: not threads.abandoned, 10, "the end of the abandoned ones")
    assert begun == [True]


async def test_a1_a_read_that_is_merely_slow_ends_in_the_end(threads, settings, released):
    """Its deadline grows. Here each try takes as long as four deadlines."""
    settings.CABLE = {**settings.CABLE, "READ_TIMEOUT": SHORT}
    for _ in range(10):
        try:
            assert await threads.run(lambda: released.wait(4 * SHORT)) is False
            return
        except ReadTimedOut:
            continue
    pytest.fail("it was given up each time")


async def test_a1_a_slow_statement_is_allowed_more_time_and_a_silent_connection_is_not(
    threads, settings, postgres, monkeypatch
):
    settings.CABLE = {**settings.CABLE, "READ_TIMEOUT": 0.5}
    allowed = lambda: threads._allowance.of(0.5, time.monotonic())  # noqa: E731
    await threads.run(executing("SELECT 1"), seconds=10)
    monkeypatch.setattr(reader_thread, "_cancel", lambda connection: None)  # as by a network that is silent
    with pytest.raises(ReadTimedOut):
        await threads.run(executing("SELECT pg_sleep(60)"))
    await asyncio.to_thread(eventually, lambda: not threads.abandoned, 30, "the end of its wait")
    assert allowed() == 0.5
    monkeypatch.undo()
    with pytest.raises(ReadTimedOut):
        await threads.run(executing("SELECT pg_sleep(61)"))
    await asyncio.to_thread(eventually, lambda: allowed() == 1.0, 30, "more time for the next")


async def test_a1_the_next_chunk_has_a_deadline_too(settings, released):
    settings.CABLE = {**settings.CABLE, "READ_TIMEOUT": SHORT}
    stream = DatabaseStream("test-stream")

    def two_and_silence():
        yield from (1, 2)
        released.wait()

    chunks = stream.chunks(two_and_silence, 2)
    assert await anext(chunks) == [1, 2]
    with pytest.raises(ReadTimedOut):
        await anext(chunks)
    await stream.close()


async def test_a1_an_abandoned_statement_does_not_go_on_in_the_database(threads, postgres):
    await threads.run(executing("SELECT 1"))
    reading = asyncio.ensure_future(threads.run(executing("SELECT pg_sleep(600)"), seconds=2))
    with pytest.raises(ReadTimedOut):
        await reading
    await asyncio.to_thread(
        eventually, lambda: not statements("pg_sleep(600)"), 10, "the end of the statement"
    )
    assert await threads.run(executing("SELECT 2")) == (2,)

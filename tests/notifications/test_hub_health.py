"""Whether a process can do its work, by itself: no database, no broker."""

import asyncio
from types import SimpleNamespace

import pytest
from django.db import OperationalError

from notifications.conf import cable_settings
from notifications.hub import health as module
from notifications.hub.health import CERTAIN_MARGIN_SECONDS, Health


class Broker:
    def __init__(self):
        self.tried = asyncio.Event()
        self.healthy = False
        self.tasks_down = False


def pool(abandoned=0, **more):
    return SimpleNamespace(abandoned=abandoned, **more)


@pytest.fixture
async def parts():
    return SimpleNamespace(broker=Broker(), catch_up=pool(age=0.0), supervisor=SimpleNamespace(down=set()))


@pytest.fixture
async def health(parts):
    pools = (pool(2), parts.catch_up)
    found = Health(parts.broker, parts.catch_up, parts.supervisor, pools)
    yield found
    await found.close()


@pytest.fixture
def asked(monkeypatch):
    """How often the database was asked; raising: what it does then."""
    found = SimpleNamespace(times=0, raising=None)

    def ask():
        found.times += 1
        if found.raising is not None:
            raise found.raising

    monkeypatch.setattr(module, "require_databases", ask)
    return found


async def test_it_waits_for_a_broker_that_was_not_tried_yet(health, parts):
    waiting = asyncio.create_task(health.broker_answers())
    await asyncio.sleep(0)
    parts.broker.healthy = True
    parts.broker.tried.set()
    assert await waiting is True


async def test_a_broker_that_takes_too_long_does_not_answer(health, monkeypatch):
    monkeypatch.setattr(module, "HEALTH_SECONDS", 0.01)
    assert await health.broker_answers() is False


async def test_all_who_ask_within_a_second_share_one_answer_of_the_database(health, asked, monkeypatch):
    monkeypatch.setattr(module, "ASK_AGAIN_SECONDS", 3_600)
    assert await asyncio.gather(*(health.database_answers() for _ in range(10))) == [True] * 10
    assert asked.times == 1


async def test_a_database_that_fails_is_asked_again_later(health, asked, monkeypatch, caplog):
    monkeypatch.setattr(module, "ASK_AGAIN_SECONDS", -1)
    asked.raising = OperationalError("away")
    assert await health.database_answers() is False
    assert "the database does not answer: OperationalError: away" in caplog.text
    asked.raising = None
    assert await health.database_answers() is True


async def test_it_is_certain_while_the_passes_are_in_time(health, parts):
    longest = 2 * cable_settings().reconcile_interval + CERTAIN_MARGIN_SECONDS
    for age, certain in ((longest - 1, True), (longest + 1, False)):
        parts.catch_up.age = age
        assert health.is_certain is certain


async def test_a_task_that_is_down_is_known_whosever_it_is(health, parts):
    assert health.tasks_run
    parts.supervisor.down.add("heartbeat")
    assert not health.tasks_run
    parts.supervisor.down.clear()
    parts.broker.tasks_down = True
    assert not health.tasks_run


async def test_it_counts_the_abandoned_reads_of_all_pools(health, parts):
    parts.catch_up.abandoned = 3
    assert health.abandoned_reads == 5

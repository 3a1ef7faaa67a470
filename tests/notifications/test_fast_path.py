"""What the broker brings is told, unless its readers are known to have it."""

import asyncio
import time

import pytest
from django.db import OperationalError

from notifications.broker.events import changes_event, shared_event
from notifications.changes.history import microseconds_now
from notifications.ground.database import ReadTimedOut
from notifications.ground.metrics import metrics
from notifications.hub import fast_path as module
from notifications.hub.fast_path import FastPath
from notifications.hub.lately import LATELY_SECONDS
from notifications.wire.payloads import PUBLIC, Change


class Passes:
    """In place of the passes over the tables. told: what they have delivered; stale: what is proved older."""

    horizon = 5
    in_gap = False

    def __init__(self):
        self.told, self.stale = set(), set()
        # Rows that nobody may hear of any more; what the database fails with; what was asked for.
        self.lost, self.failures, self.asked = set(), [], []
        self.owed = 0

    async def still_true(self, changes):
        self.asked.append([each.pk for each in changes])
        if self.failures:
            raise self.failures.pop()
        return [each for each in changes if each.pk not in self.lost]

    def owe(self):
        self.owed += 1

    def is_told(self, change):
        return change.row in self.told

    def note(self, change):
        return change.row not in self.stale


class Listeners:
    def __init__(self):
        self.heard = []

    def deliver(self, change, horizon):
        assert horizon == Passes.horizon
        self.heard.append(change)

    deliver_to_one_of_many = deliver

    def listeners(self, user):
        return [] if user == 3 else [self]

    def listening_among(self, users):
        return [user for user in users if user != 3]


def change(pk=1):
    return Change("update", "tasks", pk, 1, microseconds_now(), "{}")


@pytest.fixture
def passes():
    return Passes()


@pytest.fixture
def listeners():
    return Listeners()


@pytest.fixture
def fast_path(passes, listeners):
    return FastPath(listeners, passes, listeners, lambda: passes.in_gap, asyncio.ensure_future)


def test_every_change_of_an_event_is_told_in_order(fast_path, listeners):
    changes = [change(pk) for pk in (1, 2, 3)]
    fast_path.tell(changes_event(changes, time.time()))
    assert listeners.heard == changes


def test_what_many_users_hear_is_told_to_those_who_listen_here(fast_path, listeners):
    event = shared_event(change(), [1, 2, 3, 4], time.time())
    fast_path.tell_shared(event)
    assert [each.user_id for each in listeners.heard] == [1, 2, 4]
    assert {each.payload for each in listeners.heard} == {change().payload}


def test_what_nobody_hears_here_is_told_to_nobody(fast_path, listeners):
    fast_path.tell_shared(shared_event(change(), [3], time.time()))
    assert listeners.heard == []


def test_what_is_proved_older_is_counted_and_not_told(fast_path, passes, listeners):
    before, old = metrics.counts["stale"], change()
    passes.stale.add(old.row)
    fast_path.tell(changes_event([old], time.time()))
    assert listeners.heard == []
    assert metrics.counts["stale"] == before + 1


def test_a6_what_a_publisher_kept_while_redis_was_away_is_not_told_again_after_a_pass_told_it(
    fast_path, passes, listeners
):
    told, missed = change(1), change(2)
    passes.told.add(told.row)
    kept = changes_event([told, missed], time.time())
    fast_path.gap_ended()
    fast_path.tell(kept)
    assert listeners.heard == [missed]


def test_a6_nor_is_what_arrives_before_the_canary_says_that_redis_is_back(fast_path, passes, listeners):
    told, missed = change(1), change(2)
    passes.told.add(told.row)
    passes.in_gap = True
    fast_path.tell(changes_event([told, missed], time.time()))
    assert listeners.heard == [missed]


def test_a_row_that_is_saved_again_without_a_new_version_is_told_again(fast_path, passes, listeners):
    fast_path.gap_ended()
    again = change()
    passes.told.add(again.row)
    fast_path.tell(changes_event([again], time.time() + 1))
    assert listeners.heard == [again]


# Rows that somebody may lose, and events that were kept on their way

LONG_AGO = LATELY_SECONDS + 1


def shared(pk):
    return change(pk)._replace(user_id=PUBLIC)


async def asked(fast_path):
    async with asyncio.timeout(10):
        while fast_path._asking:  # noqa: ASYNC110 a flag tells, not an event
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("kept_by", ["redis", "its process"])
async def test_who_lost_a_row_since_hears_nothing_of_what_comes_late(fast_path, passes, listeners, kept_by):
    at = time.time() - (LONG_AGO if kept_by == "its process" else 0)
    if kept_by == "redis":
        fast_path.gap_ended()
        at -= 0.001
    passes.lost.add(1)
    fast_path.tell(changes_event([shared(1), shared(2), change(3)], at))
    assert [each.pk for each in listeners.heard] == [3]
    await asked(fast_path)
    assert [each.pk for each in listeners.heard] == [3, 2]


async def test_what_comes_in_time_is_told_at_once_and_nobody_is_asked(fast_path, passes, listeners):
    passes.lost.add(1)
    fast_path.tell(changes_event([shared(1)], time.time()))
    assert [each.pk for each in listeners.heard] == [1]
    assert passes.asked == []


async def test_a_database_that_fails_is_asked_again(fast_path, passes, listeners, monkeypatch):
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    passes.failures += [OperationalError("away"), ReadTimedOut("silent")]
    fast_path.tell(changes_event([shared(1)], time.time() - LONG_AGO))
    await asked(fast_path)
    assert passes.asked == [[1]] * 3
    assert [each.pk for each in listeners.heard] == [1]


async def test_a_rule_that_fails_costs_no_other_change(fast_path, passes, listeners, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 1)
    passes.failures.append(KeyError("a rule"))
    fast_path.tell(changes_event([shared(1), shared(2)], time.time() - LONG_AGO))
    await asked(fast_path)
    assert [each.pk for each in listeners.heard] == [2]
    assert passes.owed == 1


async def test_what_the_passes_told_meanwhile_is_not_told_again(fast_path, passes, listeners):
    late = shared(1)
    passes.in_gap = True
    fast_path.tell(changes_event([late, shared(2)], time.time()))
    passes.told.add(late.row)
    await asked(fast_path)
    assert [each.pk for each in listeners.heard] == [2]


async def test_what_nobody_here_listens_to_is_not_asked_for(fast_path, passes):
    fast_path.tell(changes_event([shared(1)._replace(user_id=3)], time.time() - LONG_AGO))
    await asked(fast_path)
    assert passes.asked == []


async def test_of_more_than_can_be_kept_the_passes_tell(fast_path, passes, listeners, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 3)
    fast_path.tell(changes_event([shared(pk) for pk in range(10)], time.time() - LONG_AGO))
    await asked(fast_path)
    assert passes.owed == 2
    assert [each.pk for each in listeners.heard] == [8, 9]

"""The certain path: what is owed is delivered, whatever fails meanwhile."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from lessy.accounts.cable import Admission
from notifications import catch_up as module
from notifications.catch_up import CatchUp
from notifications.conf import cable_settings
from notifications.connection import Connection
from notifications.history import MICROSECONDS, microseconds_now
from notifications.payloads import microseconds
from notifications.protocol import message_head
from notifications.registry import Registry
from notifications.resources import resource_of
from tasks.models import Task
from tests.support.cable import I

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


class Client:
    """A connection of alice's, subscribed for an hour; heard: the ids of what it was sent, in order."""

    def __init__(self, user_id):
        self.heard = []
        self.arrived = asyncio.Event()
        admission = Admission(user_id, "key", None)
        limits = cable_settings()
        self.connection = Connection(self._send, None, admission, None, limits, lambda connection: None)
        subscription = self.connection.subscriptions.add(I, microseconds_now() - 3_600 * MICROSECONDS)
        subscription.release({})

    async def _send(self, message):
        assert message["text"].startswith(message_head(I))
        self.heard.append(json.loads(message["text"])["message"]["id"])
        self.arrived.set()


async def everyone_stays(connections):
    pass


@asynccontextmanager
async def catching_up(user_id):
    registry, client = Registry(), Client(user_id)
    registry.add(client.connection)
    registry.listen(client.connection)
    catch_up = CatchUp(registry, everyone_stays)
    running = asyncio.create_task(catch_up.run())
    yield catch_up, client
    running.cancel()
    await catch_up.close()


async def finish(catch_up):
    before = catch_up.reconciled
    async with asyncio.timeout(10):
        while catch_up.reconciled == before:  # noqa: ASYNC110 a number tells, not an event
            await asyncio.sleep(0.01)


def task(user, *, ago=timedelta()):
    """Created and updated so long ago, without a signal."""
    row = Task.objects.create(user=user, label="buy tea")
    moment = timezone.now() - ago
    Task.objects.filter(pk=row.pk).update(created_at=moment, updated_at=moment)
    return row.pk


def change_of(pk):
    row = Task.objects.get(pk=pk)
    return resource_of(Task).created(resource_of(Task).row_of(row))


async def in_thread(call, *args, **options):
    def calling():
        try:
            return call(*args, **options)
        finally:
            connections.close_all()

    return await asyncio.to_thread(calling)


async def test_what_changed_and_was_not_delivered_is(alice):
    pk = await in_thread(task, alice)
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == [pk]


async def test_what_was_delivered_is_not_repeated(alice):
    pk = await in_thread(task, alice)
    change = await in_thread(change_of, pk)
    async with catching_up(alice.pk) as (catch_up, client):
        assert catch_up.note(change)
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == []


def born_before_it_was_saved(user):
    """As with auto_now_add and auto_now, which read the clock one after the other."""
    row = Task.objects.get(pk=task(user))
    row.updated_at = row.created_at + timedelta(microseconds=3)
    Task.objects.filter(pk=row.pk).update(updated_at=row.updated_at)
    return resource_of(Task).created(resource_of(Task).row_of(row))


async def test_a_row_whose_creation_was_announced_is_not_told_again_as_an_update(alice):
    change = await in_thread(born_before_it_was_saved, alice)
    async with catching_up(alice.pk) as (catch_up, client):
        assert catch_up.note(change)
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == []


async def test_of_a_row_that_was_created_and_updated_unheard_both_are_told(alice):
    change = await in_thread(born_before_it_was_saved, alice)
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == [change.pk, change.pk]


async def test_it_is_owed_until_the_database_answers(alice, monkeypatch):
    pk = await in_thread(task, alice)
    read, failures = module.changes_since, [OperationalError("away")] * 3

    def failing(*args):
        if failures:
            raise failures.pop()
        return read(*args)

    monkeypatch.setattr(module, "changes_since", failing)
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == [pk]
        assert failures == []


async def test_a_short_gap_does_not_hide_what_the_next_pass_had_to_find(alice):
    """Updated 70 s ago and committed just now: within the overlap of the last pass, not of the gap."""
    pk = await in_thread(task, alice, ago=70 * SECOND)
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.reconciled = microseconds_now() - 25 * MICROSECONDS
        catch_up.owe(microseconds_now() - MICROSECONDS)
        await finish(catch_up)
        assert client.heard == [pk]


async def test_a_clock_that_was_set_back_does_not_blind_it(alice):
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.reconciled = microseconds_now() + 3_600 * MICROSECONDS
        catch_up.owe()
        await finish(catch_up)
        pk = await in_thread(task, alice)
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == [pk]


async def test_a_row_that_runs_ahead_of_the_clock_is_told_once(alice):
    pk = await in_thread(task, alice, ago=-3_600 * SECOND)
    async with catching_up(alice.pk) as (catch_up, client):
        for _ in range(5):
            catch_up.owe()
            await finish(catch_up)
            catch_up._recent.turn()
        assert client.heard == [pk]


async def test_after_a_replay_the_fast_path_brings_nothing_older(alice):
    pk = await in_thread(task, alice)
    older = await in_thread(change_of, pk)
    newer = older._replace(position=microseconds(timezone.now()))
    async with catching_up(alice.pk) as (catch_up, _):
        catch_up.see([newer])
        assert not catch_up.note(older)
        assert catch_up.note(newer)

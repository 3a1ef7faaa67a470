"""The certain path: what is owed is delivered, whatever fails meanwhile."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from lessy.accounts.cable import Admission
from notifications.changes.history import microseconds_now
from notifications.changes.resources import resources
from notifications.conf import cable_settings
from notifications.hub import catch_up as module
from notifications.hub import lately, patience
from notifications.hub.catch_up import CatchUp
from notifications.hub.connection import Connection
from notifications.hub.fan_out import TURN_FRAMES, FanOut
from notifications.hub.registry import Registry
from notifications.wire.payloads import PUBLIC, microseconds
from notifications.wire.positions import MICROSECONDS
from notifications.wire.protocol import message_head
from tasks.models import Task
from tests.support.cable import I

pytestmark = pytest.mark.django_db(transaction=True)

SECOND = timedelta(seconds=1)


class Client:
    """A connection of alice's, subscribed for an hour; heard: the ids of what it was sent, in order."""

    def __init__(self, user_id):
        self.heard = []
        self.arrived = asyncio.Event()
        self.reading = asyncio.Event()
        self.reading.set()
        admission = Admission(user_id, "key", None)
        limits = cable_settings()
        self.connection = Connection(self._send, None, admission, None, limits, lambda connection: None)
        subscription = self.connection.subscriptions.add(I, microseconds_now() - 3_600 * MICROSECONDS)
        subscription.release({}, {})

    async def _send(self, message):
        assert message["text"].startswith(message_head(I))
        self.heard.append(json.loads(message["text"])["message"]["id"])
        self.arrived.set()
        # As a server whose buffer is full: its client has to read first.
        await asyncio.sleep(0)
        await self.reading.wait()


async def everyone_stays(connections):
    pass


def new_catch_up(registry, *more):
    return CatchUp(registry, FanOut(registry, asyncio.ensure_future, microseconds_now), everyone_stays, *more)


@asynccontextmanager
async def catching_up(user_id):
    registry, client = Registry(), Client(user_id)
    registry.add(client.connection)
    registry.listen(client.connection)
    async with running(new_catch_up(registry)) as catch_up:
        yield catch_up, client


@asynccontextmanager
async def running(catch_up):
    task = asyncio.create_task(catch_up.run())
    yield catch_up
    task.cancel()
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
    return resources()["tasks"].created(stored(pk))


def stored(pk):
    tasks = resources()["tasks"]
    return tasks.row(tasks.rows().values(*tasks.columns()).get(pk=pk))


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
    return resources()["tasks"].created(stored(row.pk))


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
    """Updated 70 s ago and committed just now: within the overlap of the last pass."""
    pk = await in_thread(task, alice, ago=70 * SECOND)
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.reconciled = microseconds_now() - 25 * MICROSECONDS
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == [pk]


async def test_a_clock_that_was_set_back_hides_nothing_that_was_committed_since(alice):
    """By an hour, just now: what has been committed since the last pass looks older than that pass."""
    pk = await in_thread(task, alice, ago=70 * SECOND)
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.reconciled = microseconds_now() + 3_600 * MICROSECONDS
        catch_up.owe()
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


async def test_who_subscribed_before_the_clock_was_set_back_is_told_afterwards(alice):
    """Until the clock is there again, it would have begun in the future."""
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.reconciled = microseconds_now() + 3_600 * MICROSECONDS
        [subscription] = client.connection.subscriptions
        subscription.started = catch_up.reconciled
        for _ in range(2):
            pk = await in_thread(task, alice)
            catch_up.owe()
            await finish(catch_up)
            assert client.heard.pop() == pk
    assert subscription.started < microseconds_now()


async def test_what_waits_for_its_turn_keeps_positions_back(alice):
    async with catching_up(alice.pk) as (catch_up, _):
        change = await in_thread(change_of, await in_thread(task, alice))
        catch_up._fan_out.deliver(change, 0, written=TURN_FRAMES)
        waiting = catch_up._fan_out.horizon
        assert catch_up.horizon == waiting
        await catch_up._fan_out.written([alice.pk])
        assert catch_up._fan_out.horizon is None
        assert catch_up.horizon >= waiting


async def test_a_row_that_runs_ahead_of_the_clock_is_told_once(alice):
    pk = await in_thread(task, alice, ago=-3_600 * SECOND)
    async with catching_up(alice.pk) as (catch_up, client):
        for _ in range(5):
            catch_up.owe()
            await finish(catch_up)
            catch_up._recent.turn()
        assert client.heard == [pk]


@pytest.fixture
def auto_now(settings):
    """As if the clock of tasks were not monotonic."""
    settings.CABLE = settings.CABLE | {"RESOURCES": {"tasks": {"model": "tasks.Task"}}}


def told(pk, *, ago):
    """The row as its table has it, and the update of a version of so many seconds earlier or later."""
    row = stored(pk)
    return resources()["tasks"].updated(replace(row, updated_at=row.updated_at - ago))


def created(pk, *, ahead):
    row = Task.objects.get(pk=pk)
    Task.objects.filter(pk=pk).update(created_at=row.updated_at + ahead)


# Milliseconds between the version that the table has and the one that was told: of an instance that was read
# before (a), of a bulk change whose time was taken before (b), of a server whose clock is behind (c), even
# behind the creation.
@pytest.mark.parametrize(
    ("ago", "ahead"), [(50, -900), (-500, -900), (-400, -900), (-400, 300)], ids=["a", "b", "c", "c-behind"]
)
async def test_a3_a_version_that_was_not_told_is_found_whatever_was_told(alice, auto_now, ago, ahead):
    pk = await in_thread(task, alice)
    await in_thread(created, pk, ahead=timedelta(milliseconds=ahead))
    update = await in_thread(told, pk, ago=timedelta(milliseconds=ago))
    creation = await in_thread(change_of, pk)
    async with catching_up(alice.pk) as (catch_up, client):
        assert catch_up.note(creation._replace(position=update.position))
        assert catch_up.note(update)
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == [pk]
        client.heard.clear()
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == []


@pytest.mark.parametrize("ago", [50, 500, 400], ids=["a", "b", "c"])
async def test_a3_the_fast_path_drops_no_earlier_version(alice, auto_now, ago):
    pk = await in_thread(task, alice)
    first = await in_thread(told, pk, ago=timedelta())
    then = await in_thread(told, pk, ago=timedelta(milliseconds=ago))
    async with catching_up(alice.pk) as (catch_up, _):
        catch_up.see([first])
        assert catch_up.note(first)
        assert catch_up.note(then)


async def test_after_a_replay_the_fast_path_brings_nothing_older(alice):
    pk = await in_thread(task, alice)
    older = await in_thread(change_of, pk)
    newer = older._replace(position=microseconds(timezone.now()))
    async with catching_up(alice.pk) as (catch_up, _):
        catch_up.see([newer])
        assert not catch_up.note(older)
        assert catch_up.note(newer)


def bulk(user, count):
    """Changed together a moment ago, without a signal. Returns their ids."""
    rows = [Task(user=user, label="buy tea", order=number) for number in range(count)]
    Task.objects.bulk_create(rows)
    return list(Task.objects.filter(user=user).order_by("updated_at", "pk").values_list("pk", flat=True))


async def test_a6_a_pass_that_tells_more_than_an_outbox_holds_closes_no_socket_that_reads(alice):
    wanted = await in_thread(bulk, alice, 1_000)
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.owe()
        await finish(catch_up)
        await client.connection.written()
        assert client.connection.closed is None
        assert client.heard == wanted


async def test_a6_a_client_that_reads_nothing_is_waited_for_once_and_delays_nobody_for_good(
    alice, bob, monkeypatch
):
    monkeypatch.setattr(patience, "PATIENCE", 0.05)
    waits = []
    wait_for = patience.Patience._wait_for

    async def counted(self, slow):
        waits.append(slow)
        await wait_for(self, slow)

    monkeypatch.setattr(patience.Patience, "_wait_for", counted)
    await in_thread(bulk, alice, 1_000)
    wanted = await in_thread(bulk, bob, 10)
    registry = Registry()
    silent, other = Client(alice.pk), Client(bob.pk)
    silent.reading.clear()
    for client in (silent, other):
        registry.add(client.connection)
        registry.listen(client.connection)
    async with running(new_catch_up(registry)) as catch_up:
        catch_up.owe()
        await finish(catch_up)
    assert silent.connection.closed == "too_slow"
    assert sum(silent.connection in slow for slow in waits) == 1
    assert other.heard == wanted


async def test_a6_a_pass_tells_what_was_committed_since_the_last_one_and_no_more(alice):
    """However long ago messages began to be lost: the passes went on meanwhile."""
    early = await in_thread(task, alice, ago=600 * SECOND)
    async with catching_up(alice.pk) as (catch_up, client):
        catch_up.reconciled = microseconds_now() - 660 * MICROSECONDS
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == [early]
        late = await in_thread(task, alice)
        catch_up._recent.turn()
        catch_up._recent.turn()
        catch_up.owe()
        await finish(catch_up)
        assert client.heard == [early, late]


async def test_a6_nothing_that_passes_told_is_forgotten_as_long_as_messages_may_come_late(alice):
    pk = await in_thread(task, alice)
    change = await in_thread(change_of, pk)
    away = True
    catch_up = new_catch_up(Registry(), lambda: not away)
    assert catch_up.note(change)
    long = 3_600 * MICROSECONDS
    for turn in (1, 2):
        catch_up._turn_recent(microseconds_now() + turn * long)
    assert catch_up._recent.delivered(change)
    away = False
    for turn in (3, 4):
        catch_up._turn_recent(microseconds_now() + turn * long)
    assert not catch_up.is_told(change)
    await catch_up.close()


async def test_18_what_is_lost_while_a_pass_waits_for_a_client_is_not_told(alice, settings, monkeypatch):
    """All of them are of one chunk, and were asked for when it was read."""
    public = {"tasks": {"model": "tasks.Task", "public": {"label": "buy tea"}}}
    settings.CABLE = {**settings.CABLE, "RESOURCES": public}
    monkeypatch.setattr(lately, "LATELY_SECONDS", -1)
    rows = [await in_thread(task, alice) for _ in range(3)]

    async def hide(self, connections):
        await in_thread(Task.objects.update, label="buy nothing")

    monkeypatch.setattr(patience.Patience, "before_telling", hide)
    async with catching_up(PUBLIC) as (catch_up, client):
        catch_up.owe()
        await finish(catch_up)
    assert client.heard == rows[:1]

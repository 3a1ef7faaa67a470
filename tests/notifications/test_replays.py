"""A replay is told in pages, holds little, and loses nothing of what is published meanwhile."""

import asyncio
import json
from datetime import timedelta

import pytest
from django.db import OperationalError, connections
from django.utils import timezone

from lessy.accounts.cable import Admission
from notifications.changes.history import changes_since, microseconds_now
from notifications.changes.resources import resources
from notifications.conf import CableSettings
from notifications.ground.database import DatabaseThreads
from notifications.hub import lately
from notifications.hub import replays as module
from notifications.hub.catch_up import CatchUp
from notifications.hub.connection import Connection
from notifications.hub.fan_out import TURN_FRAMES, FanOut
from notifications.hub.registry import Registry
from notifications.hub.replays import Reading, Replays
from notifications.wire.connection_states import OVERFLOWED, REPLAYING
from notifications.wire.payloads import PUBLIC, destroy_change, update_change
from notifications.wire.positions import MICROSECONDS
from tasks.models import Task
from tests.support.cable import I

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3_600 * MICROSECONDS


class Client:
    """A connection of alice's whose subscription replays; heard: (id, updatedAt) of what it was sent."""

    def __init__(self, user_id, limits):
        self.heard = []
        self.on_frame = lambda: None
        admission = Admission(user_id, "key", None)
        self.connection = Connection(self._send, None, admission, None, limits, lambda connection: None)
        self.subscription = self.connection.subscriptions.add(I, microseconds_now())

    async def _send(self, message):
        frame = json.loads(message.get("text", "{}"))
        if "message" in frame:
            self.heard.append((frame["message"]["id"], frame["message"].get("updatedAt")))
            self.on_frame()


@pytest.fixture
def client(alice):
    return Client(alice.pk, CableSettings(replay_limit=3))


@pytest.fixture
async def readers():
    threads = DatabaseThreads(2, "test-readers")
    yield threads
    await threads.close()


@pytest.fixture
def registry(client):
    found = Registry()
    found.add(client.connection)
    found.listen(client.connection)
    return found


class Turns(list):
    """Tasks of the hub, which begin when a test lets them."""

    def begin(self):
        self[:] = map(asyncio.ensure_future, self)


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
async def fan_out(registry, turns):
    return FanOut(registry, turns.append, microseconds_now)


@pytest.fixture
async def replays(readers, registry, fan_out):
    async def everyone_stays(connections):
        pass

    catch_up = CatchUp(registry, fan_out, everyone_stays)
    yield Replays(readers, catch_up, fan_out)
    await catch_up.close()


@pytest.fixture
def tasks(alice):
    """Ten, changed one after the other, all of them a few minutes ago."""
    rows = [Task.objects.create(user=alice, label="buy tea") for _ in range(10)]
    for number, row in enumerate(rows):
        moment = timezone.now() - timedelta(minutes=5, seconds=-number)
        Task.objects.filter(pk=row.pk).update(created_at=moment - timedelta(days=1), updated_at=moment)
    return [row.pk for row in rows]


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(module, "PAGE", 2)


async def replay(replays, readers, client):
    """As Commands does it. Returns what was told last."""
    now, user = microseconds_now(), client.connection.user_id
    reading = Reading(readers, [user], lambda: changes_since([user], now - HOUR))
    await reading.start()
    told = await replays.tell(client.connection, client.subscription, reading, now)
    await replays.settle(client.connection, client.subscription, told)
    return told


async def in_thread(call):
    def calling():
        try:
            return call()
        finally:
            connections.close_all()

    return await asyncio.to_thread(calling)


async def test_a4_all_pages_are_told_in_order(replays, readers, client, tasks, small_pages):
    await replay(replays, readers, client)
    assert [pk for pk, _ in client.heard] == tasks


async def test_a4_of_what_was_told_only_the_latest_is_held(
    replays, readers, client, tasks, small_pages, settings
):
    settings.CABLE = {**settings.CABLE, "REPLAY_LIMIT": 3}
    told = await replay(replays, readers, client)
    assert len(told) == 3
    assert [pk for _, _, pk, _ in told] == tasks[-3:]


async def test_a4_more_than_can_be_held_back_meanwhile_is_read_from_the_tables(
    replays, readers, client, tasks, small_pages
):
    """All ten change again during the replay: the socket stays, and hears the last version of each."""
    later = timezone.now() + timedelta(seconds=1)
    await in_thread(lambda: Task.objects.filter(pk__in=tasks).update(updated_at=later))

    def publish():
        client.on_frame = lambda: None
        for pk in tasks:
            change = update_change("tasks", pk, client.connection.user_id, later)
            client.connection.deliver(change, microseconds_now())

    client.on_frame = publish
    now = microseconds_now()
    # As read before the change: nothing of it.
    reading = Reading(readers, [1], lambda: iter([update_change("tasks", 0, 1, later - timedelta(days=1))]))
    await reading.start()
    told = await replays.tell(client.connection, client.subscription, reading, now)
    assert client.subscription.state is OVERFLOWED
    await replays.settle(client.connection, client.subscription, told)
    assert client.connection.closed is None
    assert client.subscription.state is REPLAYING
    assert [pk for pk, version in client.heard if version == int(later.timestamp())] == tasks


async def test_what_waits_for_its_turn_is_compared_with_what_the_replay_told(
    replays, readers, client, fan_out, turns
):
    """Written after the replay, an update from before the loss would bring the row back."""
    user, before, after = client.connection.user_id, timezone.now(), timezone.now() + timedelta(seconds=1)
    fan_out.deliver(update_change("tasks", 5, user, before), 0, written=TURN_FRAMES)
    assert client.heard == []
    reading = Reading(readers, [1], lambda: iter([destroy_change("tasks", 5, user, after)]))
    await reading.start()
    told = await replays.tell(client.connection, client.subscription, reading, microseconds_now())
    turns.begin()
    await replays.settle(client.connection, client.subscription, told)
    assert client.subscription.release(told, ()) == []
    await fan_out.written([user])
    assert client.heard == [(5, None)]


async def test_a4_a_client_that_never_gets_ahead_of_what_changes_is_given_up(
    replays, readers, client, tasks, small_pages
):
    def publish():
        for pk in range(5):
            change = update_change("tasks", pk, client.connection.user_id, timezone.now())
            client.connection.deliver(change, microseconds_now())

    client.on_frame = publish
    await in_thread(lambda: Task.objects.filter(pk__in=tasks).update(updated_at=timezone.now()))
    await replay(replays, readers, client)
    assert client.connection.closed == "too_slow"


async def test_a_reading_that_fails_after_its_first_page_never_looks_complete(readers, small_pages):
    """The threads try again what a lost connection made fail; a generator that raised has no more to give."""

    def failing():
        yield from range(3)
        raise OperationalError("the server closed the connection")

    reading = Reading(readers, [1], failing)
    await reading.start()
    with pytest.raises(OperationalError):
        async for _ in reading.pages():
            pass


async def test_a_reading_whose_first_page_fails_begins_again(readers):
    attempts = []

    def failing():
        attempts.append(1)
        if len(attempts) == 1:
            raise OperationalError("the server closed the connection")
        yield from range(3)

    reading = Reading(readers, [1], failing)
    await reading.start()
    assert [page async for page in reading.pages()] == [[0, 1, 2]]


# Rows that somebody may lose while a replay goes on

PUBLIC_TASKS = {"tasks": {"model": "tasks.Task", "public": {"label": "buy tea"}}}


@pytest.fixture
def public(settings, client):
    settings.CABLE = {**settings.CABLE, "RESOURCES": PUBLIC_TASKS}
    client.connection.hears = (PUBLIC,)


async def hide(tasks):
    await in_thread(lambda: Task.objects.filter(pk__in=tasks).update(label="buy nothing"))


async def test_18_what_is_lost_while_its_client_reads_slowly_is_not_told(
    replays, readers, client, public, tasks, monkeypatch
):
    """All of them are of one page, and were asked for when it was read."""
    monkeypatch.setattr(lately, "LATELY_SECONDS", -1)
    monkeypatch.setattr(Connection, "written", lambda connection: hide(tasks))
    now = microseconds_now()
    reading = Reading(readers, [PUBLIC], lambda: changes_since([PUBLIC], now - HOUR))
    await reading.start()
    await replays.tell(client.connection, client.subscription, reading, now)
    assert [pk for pk, _ in client.heard] == tasks[:1]


async def test_18_what_is_lost_while_it_is_held_back_is_not_told(replays, client, public, tasks):
    kept, lost = tasks[:2]
    for pk in (kept, lost):
        change = update_change("tasks", pk, PUBLIC, timezone.now())
        client.subscription.hold_back(change, 10)
    await hide([lost])
    await replays.settle(client.connection, client.subscription, {})
    assert [change.pk for change in client.subscription.release({}, ())] == [kept]


async def test_18_what_was_not_told_for_it_was_lost_is_told_when_it_comes_back(
    replays, readers, client, public, alice, monkeypatch
):
    """Else its create, held back meanwhile, would pass for the one of the replay."""
    rows = [await in_thread(lambda: Task.objects.create(user=alice, label="buy tea").pk) for _ in range(2)]
    monkeypatch.setattr(lately, "LATELY_SECONDS", -1)
    monkeypatch.setattr(Connection, "written", lambda connection: hide(rows[1:]))
    now = microseconds_now()
    reading = Reading(readers, [PUBLIC], lambda: changes_since([PUBLIC], now - HOUR))
    await reading.start()
    told = await replays.tell(client.connection, client.subscription, reading, now)
    came = resources()["tasks"].came(rows[1], PUBLIC, timezone.now())
    client.subscription.hold_back(came, 10)
    assert [pk for pk, _ in client.heard] == rows[:1]
    assert client.subscription.release(told, ()) == [came]

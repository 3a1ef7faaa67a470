"""What the parts of a hub do together."""

import asyncio
import json
import time

import pytest

from notifications.broker.broker import Broker
from notifications.broker.events import changes_event
from notifications.changes.history import microseconds_now, reach
from notifications.hub.hub import Hub
from notifications.wire.payloads import Change
from notifications.wire.positions import MICROSECONDS


class Admitted:
    user_id, key, expires_at = 1, "token", None


@pytest.fixture
async def hub():
    found = Hub()
    found.epoch.adopt("known")
    yield found
    await found.stop()


async def test_a2_while_no_pass_over_the_tables_is_completed_pings_stay_behind_with_the_passes(hub):
    pings: asyncio.Queue[int] = asyncio.Queue()

    async def send(message):
        frame = json.loads(message["text"])
        if frame["type"] == "ping":
            pings.put_nowait(frame["message"])

    an_hour_ago = microseconds_now() - 3_600 * MICROSECONDS
    hub.catch_up.reconciled = an_hour_ago
    connection = hub.open(send, Admitted(), extended=False)
    beating = asyncio.create_task(hub.heartbeat.run())
    async with asyncio.timeout(10):
        named = await pings.get()
    beating.cancel()
    assert named == (an_hour_ago + reach().lag) // MICROSECONDS
    connection.end("over")


class Told:
    """In place of connections: what would be delivered, and to how many."""

    subscriptions = ("I",)

    def __init__(self):
        self.changes = []

    def deliver(self, change, horizon):
        self.changes.append(change)


async def test_a6_what_a_publisher_kept_while_redis_was_away_is_not_told_again_after_a_pass_told_it(
    hub, monkeypatch
):
    listener = Told()
    monkeypatch.setattr(hub.registry, "listeners", lambda user_id: [listener])
    told, missed = (Change("update", "tasks", pk, 1, microseconds_now(), "{}") for pk in (1, 2))
    kept = changes_event([told, missed], time.time())
    assert hub.catch_up.note(told)  # a pass, while Redis is away
    hub._on_gap(time.time() - 60)
    hub._on_event(kept)
    assert listener.changes == [missed]


async def test_a_row_that_is_saved_again_without_a_new_version_is_told_again(hub, monkeypatch):
    listener = Told()
    # The gap is over: the canary's echo is back.
    monkeypatch.setattr(Broker, "healthy", True)
    monkeypatch.setattr(hub.registry, "listeners", lambda user_id: [listener])
    monkeypatch.setattr(type(hub.broker), "healthy", True, raising=False)
    hub._on_gap(time.time() - 60)
    change = Change("update", "tasks", 1, 1, microseconds_now(), "{}")
    for _ in range(2):
        hub._on_event(changes_event([change], time.time()))
    assert listener.changes == [change, change]

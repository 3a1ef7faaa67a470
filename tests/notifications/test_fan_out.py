"""What one change may cost a turn of the loop, and everybody else."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from notifications.broker.events import shared_event
from notifications.conf import CableSettings
from notifications.hub import fan_out as module
from notifications.hub.connection import Connection
from notifications.hub.fan_out import TURN_FRAMES, FanOut
from notifications.hub.fast_path import FastPath
from notifications.hub.registry import Registry
from notifications.wire.payloads import Change

NOW = 1_700_000_000_000_000
SECOND = 1_000_000
LIMITS = CableSettings()
SOCKETS, SUBSCRIPTIONS = 20, 100


class Client:
    """A connection of a user, and what it was sent."""

    def __init__(self, registry, user_id, subscriptions):
        admission = SimpleNamespace(user_id=user_id, key="key", expires_at=None)
        self.connection = Connection(self.send, None, admission, None, LIMITS, lambda connection: None)
        self.closed = False
        self.told = []
        for number in range(subscriptions):
            self.connection.subscriptions.add(str(number), NOW).release({}, ())
        registry.add(self.connection)
        registry.listen(self.connection)

    async def send(self, message):
        if message["type"] == "websocket.send":
            self.told.append(json.loads(message["text"]).get("message"))
        else:
            self.closed = True


@pytest.fixture
def registry():
    return Registry()


@pytest.fixture
async def fan_out(registry):
    return FanOut(registry, asyncio.ensure_future, lambda: NOW)


@pytest.fixture
def heavy(registry):
    return [Client(registry, 1, SUBSCRIPTIONS) for _ in range(SOCKETS)]


@pytest.fixture
def light(registry):
    return Client(registry, 2, 1)


def change(user_id, pk):
    return Change("update", "tasks", pk, user_id, NOW, json.dumps(pk))


async def until(reached):
    for _ in range(10_000):
        if reached():
            return
        await asyncio.sleep(0)
    raise AssertionError("never")


def told(clients):
    return sum(len(client.told) for client in clients)


async def test_c2_of_a_change_for_2000_subscriptions_a_turn_writes_a_few_hundred(fan_out, heavy):
    fan_out.deliver(change(1, 5), NOW)
    before = most = told(heavy)
    while told(heavy) < SOCKETS * SUBSCRIPTIONS:
        await asyncio.sleep(0)
        before, most = told(heavy), max(most, told(heavy) - before)
    assert most <= TURN_FRAMES + SUBSCRIPTIONS


async def test_c2_another_user_does_not_wait_for_it(fan_out, heavy, light):
    for pk in range(10):
        fan_out.deliver(change(1, pk), NOW)
    fan_out.deliver(change(2, 7), NOW)
    assert light.told == [7]
    assert told(heavy) == 0


async def test_of_a_change_for_thousands_a_turn_writes_a_few_hundred_of_all_events(registry, fan_out):
    readers = [Client(registry, number, 2) for number in range(1_000)]
    fast_path = FastPath(registry, Passes(), fan_out, lambda: False, asyncio.ensure_future)
    everybody = range(100_000)  # of whom these are here
    for first in range(0, len(readers), 100):
        users = [*everybody[first : first + 100], *everybody[1_000:5_900]]
        fast_path.tell_shared(shared_event(change(0, 5), users, 0.0))
    most = before = told(readers)
    assert 0 < before <= TURN_FRAMES
    while told(readers) < 2_000:
        await asyncio.sleep(0)
        before, most = told(readers), max(most, told(readers) - before)
    assert most <= 2 * TURN_FRAMES
    assert all(client.told == [5, 5] for client in readers)


class Passes:
    """In place of the passes over the tables: nothing is known of anything."""

    horizon = NOW

    def note(self, change):
        return True

    def is_told(self, change):
        return False


async def test_c2_two_heavy_users_take_turns(fan_out, heavy, registry):
    others = [Client(registry, 3, SUBSCRIPTIONS) for _ in range(SOCKETS)]
    fan_out.deliver(change(1, 5), NOW)
    fan_out.deliver(change(3, 6), NOW)
    await until(lambda: told(others) > 0)
    assert told(heavy) < SOCKETS * SUBSCRIPTIONS


async def test_c2_each_socket_is_told_in_order(fan_out, heavy):
    for pk in range(3):
        fan_out.deliver(change(1, pk), NOW)
    await until(lambda: told(heavy) == 3 * SOCKETS * SUBSCRIPTIONS)
    for client in heavy:
        assert client.told == [pk for pk in range(3) for _ in range(SUBSCRIPTIONS)]


async def test_what_a_pass_tells_comes_after_what_waits_for_its_turn(fan_out, heavy):
    """Of a destroy and a create, the client believes what comes last."""
    fan_out.deliver(change(1, 5), NOW)
    fan_out.deliver_missed(change(1, 6), NOW, 0)
    await fan_out.written([1])
    for client in heavy:
        assert client.told == [5] * SUBSCRIPTIONS + [6] * SUBSCRIPTIONS


async def test_while_something_waits_no_later_position_is_given_than_when_it_began_to(registry, heavy):
    """Who is cut now and comes back with one is not told what waits: it is taken for told."""
    promised = NOW
    fan_out = FanOut(registry, asyncio.ensure_future, lambda: promised)
    assert fan_out.horizon is None
    fan_out.deliver(change(1, 5), NOW)
    promised += 100 * SECOND
    fan_out.deliver(change(1, 6), NOW)
    assert fan_out.horizon == NOW
    await until(lambda: told(heavy) > SOCKETS * SUBSCRIPTIONS)
    assert fan_out.horizon == NOW + 100 * SECOND
    await fan_out.written([1])
    assert fan_out.horizon is None


async def test_what_was_given_up_waits_no_more(registry, heavy, monkeypatch):
    monkeypatch.setattr(module, "WAITING_CHANGES", 3)
    fan_out = FanOut(registry, asyncio.ensure_future, lambda: NOW)
    for pk in range(4):
        fan_out.deliver(change(1, pk), NOW)
    assert fan_out.horizon is None


async def test_what_comes_later_is_not_waited_for(fan_out, heavy):
    fan_out.deliver(change(1, 5), NOW)
    waiting = asyncio.ensure_future(fan_out.written([1, 2]))
    while not waiting.done():
        fan_out.deliver(change(1, 6), NOW)
        await asyncio.sleep(0)
    assert told(heavy) < 3 * SOCKETS * SUBSCRIPTIONS


async def test_c2_a_socket_that_closes_before_its_turn_is_told_nothing(fan_out, heavy):
    fan_out.deliver(change(1, 5), NOW)
    for client in heavy:
        client.connection.close("remote", reconnect=False)
    for _ in range(20):
        await asyncio.sleep(0)
    assert all(client.told == [None] for client in heavy)  # the farewell


async def test_c2_who_cannot_be_kept_up_with_is_closed_and_may_come_back(fan_out, heavy, light, monkeypatch):
    monkeypatch.setattr(module, "WAITING_CHANGES", 10)
    for pk in range(11):
        fan_out.deliver(change(1, pk), NOW)
    assert {client.connection.closed for client in heavy} == {"too_slow"}
    assert light.connection.closed is None

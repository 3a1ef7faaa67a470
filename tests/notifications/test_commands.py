"""The life of a subscription, from its command on; the broker and the tables are in this test's hands."""

import asyncio

import pytest

from notifications.changes.history import TooMuchToReplay, microseconds_now
from notifications.hub import commands as module
from notifications.hub.commands import Commands
from notifications.hub.fan_out import FanOut
from notifications.hub.registry import Registry
from notifications.hub.replays import Replays
from notifications.wire import protocol
from notifications.wire.payloads import Change
from notifications.wire.positions import MICROSECONDS
from notifications.wire.protocol import Command
from tests.support.sockets import Socket

PLAIN = '{"channel":"NotificationsChannel"}'
SINCE = '{"channel":"NotificationsChannel","since":40}'


class Broker:
    """joined: a join waits for it. on_join: called when one is asked for."""

    def __init__(self):
        self.joined = asyncio.Event()
        self.joined.set()
        self.on_join = lambda: None

    async def join(self, group):
        self.on_join()
        await self.joined.wait()

    def leave(self, group):
        pass


class Readers:
    async def run(self, read, *, seconds=None):
        return read()


class Tables:
    """In place of changes_since. while_read: called before it answers; answer: rows, or an exception."""

    def __init__(self):
        self.while_read = lambda: None
        self.answer = []

    def __call__(self, users, since, **options):
        self.while_read()
        if isinstance(self.answer, Exception):
            raise self.answer
        return iter(self.answer)


class CatchUp:
    horizon = 10**16

    def see(self, changes):
        pass


class Epoch:
    def adopt(self, epoch):
        pass


@pytest.fixture
async def broker():
    return Broker()


@pytest.fixture
def tables(monkeypatch):
    found = Tables()
    monkeypatch.setattr(module, "changes_since", found)
    monkeypatch.setattr(module.Epoch, "current", lambda: "epoch")
    return found


@pytest.fixture
async def commands(broker, tables):
    registry = Registry()
    replays = Replays(Readers(), CatchUp(), FanOut(registry, asyncio.ensure_future, microseconds_now))
    return Commands(registry, broker, Readers(), CatchUp(), replays, Epoch())


def change(pk=1):
    return Change("update", "tasks", pk, 1, microseconds_now(), f'{{"id":{pk}}}')


def publish(socket, pk=1):
    socket.connection.deliver(change(pk), CatchUp.horizon)


def words(socket):
    """The types of what it was sent; of data frames the ids."""
    return [frame.get("type", frame.get("message", {}).get("id")) for frame in socket.frames]


async def subscribe(commands, socket, identifier=PLAIN, history=None):
    await commands.handle(socket.connection, Command(protocol.SUBSCRIBE, identifier, history))


async def test_what_is_published_while_it_joins_follows_the_confirm(commands, broker):
    socket = Socket()
    broker.on_join = lambda: publish(socket)
    await subscribe(commands, socket)
    publish(socket, 2)
    assert words(socket) == ["confirm_subscription", 1, 2]


async def test_what_is_published_while_it_replays_follows_the_replay(commands, tables):
    socket = Socket()
    tables.answer = [change(1)]
    tables.while_read = lambda: publish(socket, 2)
    await subscribe(commands, socket, SINCE)
    assert words(socket) == ["confirm_subscription", 1, 2]


async def test_nothing_follows_the_reject_of_a_subscription(commands, tables):
    """What was held back for it was written after the reject: to a subscription that the client forgot."""
    socket = Socket()
    tables.while_read = lambda: publish(socket)
    tables.answer = TooMuchToReplay()
    await subscribe(commands, socket, SINCE)
    publish(socket, 2)
    assert words(socket) == ["reject_subscription"]


async def test_the_reject_of_a_history_leaves_the_subscription_live(commands, tables):
    socket = Socket(extended=True)
    tables.while_read = lambda: publish(socket)
    tables.answer = TooMuchToReplay()
    await subscribe(commands, socket, history={"since": 40})
    publish(socket, 2)
    assert words(socket) == ["confirm_subscription", "reject_history", 1, 2]


async def test_history_of_a_live_subscription_is_told_in_its_midst(commands, tables):
    socket = Socket(extended=True)
    await subscribe(commands, socket)
    tables.answer = [change(1)]
    tables.while_read = lambda: publish(socket, 2)
    await commands.handle(socket.connection, Command(protocol.HISTORY, PLAIN, {"since": 40}))
    publish(socket, 3)
    assert words(socket) == ["confirm_subscription", 1, "confirm_history", 2, 3]


async def test_a_command_that_fails_leaves_no_subscription(commands, tables):
    socket = Socket()
    tables.answer = OSError("the database is away")
    with pytest.raises(OSError, match="away"):
        await subscribe(commands, socket, SINCE)
    assert len(socket.connection.subscriptions) == 0


@pytest.mark.parametrize(
    ("extended", "identifier", "history"), [(False, SINCE, None), (True, PLAIN, {"since": 40})]
)
async def test_a2_while_a_subscription_joins_a_ping_names_no_later_time_than_its_client_did(
    commands, broker, extended, identifier, history
):
    """Cut off before the replay it comes back with what the ping named, and would miss what lies between."""
    socket = Socket(extended=extended)
    socket.connection.ping(protocol.ping(100), 100)
    broker.joined.clear()
    asked = asyncio.Event()
    broker.on_join = asked.set
    subscribing = asyncio.create_task(subscribe(commands, socket, identifier, history))
    await asked.wait()
    socket.connection.ping(protocol.ping(103), 103)
    broker.joined.set()
    await subscribing
    socket.connection.ping(protocol.ping(106), 106)
    assert [frame["message"] for frame in socket.frames if frame.get("type") == "ping"] == [100, 40, 106]


async def test_a_time_that_no_clock_shows_does_not_stop_the_pings(commands):
    socket = Socket(extended=True)
    await subscribe(commands, socket, history={"since": 10**30})
    socket.connection.ping(protocol.ping(MICROSECONDS), MICROSECONDS)
    assert socket.frames[-1]["message"] == MICROSECONDS

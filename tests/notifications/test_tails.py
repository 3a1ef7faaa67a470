"""What is written to the connections of one user, for whoever asks: how much is kept, and for how long."""

import asyncio

import pytest

from notifications.broker.events import tail_event
from notifications.hub import tails as module
from notifications.hub.registry import Registry
from notifications.hub.tails import ASKERS, KEPT, Tails
from notifications.operations.received import LeftOut, Line, Received, Said
from notifications.wire.payloads import Change
from tests.support.sockets import Socket, admission

NOW = 1_700_000_000_000_000


class World:
    """in_touch: whether the broker is there."""

    def __init__(self):
        self.registry = Registry()
        self.in_touch = True
        self.tails = Tails(self.registry, lambda: self.in_touch)

    def connect(self, user_id=1):
        """A socket with one live subscription."""
        socket = Socket(admission(user_id))
        self.registry.add(socket.connection)
        self.tails.opened(socket.connection)
        socket.subscription = socket.connection.subscriptions.add("I", NOW)
        socket.subscription.release({}, ())
        return socket

    def ask(self, group="asker", user_id=1):
        return self.tails.ask(tail_event(group, user_id))

    def end(self, group="asker"):
        return self.tails.ask(tail_event(group, 1, ends=True))


@pytest.fixture
async def world():
    found = World()
    yield found
    found.tails.stop()


def change(pk, user_id=1):
    return Change("update", "tasks", pk, user_id, NOW, f'{{"id":{pk}}}')


def deliver(socket, *keys):
    for pk in keys:
        socket.connection.deliver(change(pk), NOW)


def told(answer):
    """(id, way) of each line."""
    return [(pk, way) for _, _, _, _, pk, way, _ in answer["lines"]]


async def test_while_nobody_asks_nothing_is_called(world):
    socket = world.connect()
    assert socket.connection.on_told is None
    world.ask(user_id=2)
    assert (socket.connection.on_told, world.connect().connection.on_told) == (None, None)


async def test_each_question_is_answered_with_what_was_written_since_the_one_before(world):
    before = world.connect()
    assert world.ask() == {"began": True, "lines": [], "written": 0}
    after, other = world.connect(), world.connect(user_id=2)
    deliver(before, 1)
    deliver(after, 2)
    deliver(other, 3)
    answer = world.ask()
    assert told(answer) == [(1, "live"), (2, "live")]
    assert [line[1] for line in answer["lines"]] == [before.connection.number, after.connection.number]
    assert (answer["began"], answer["written"]) == (False, 2)
    assert world.ask() is None


async def test_the_way_is_told(world):
    socket = world.connect()
    world.ask()
    deliver(socket, 1)
    socket.connection.deliver_missed(change(2), NOW, 0)
    socket.subscription.replay(NOW)
    deliver(socket, 3)
    socket.connection.write_change(socket.subscription, change(4), NOW, "replay")
    for held in socket.subscription.release({}, ()):
        socket.connection.write_change(socket.subscription, held, NOW, "held")
    assert told(world.ask()) == [(1, "live"), (2, "pass"), (4, "replay"), (3, "held")]


async def test_each_frame_of_several_that_are_written_with_one_call_is_told(world):
    socket = world.connect()
    socket.connection._direct = lambda data: True
    socket.connection.subscriptions.add("J", NOW).release({}, ())
    world.ask()
    deliver(socket, 1)
    assert told(world.ask()) == [(1, "live"), (1, "live")]


async def test_what_was_not_written_is_not_told(world):
    socket = world.connect()
    world.ask()
    socket.connection.end("over")
    deliver(socket, 1)
    assert world.ask() is None


async def test_what_waits_for_a_client_that_does_not_read_is_told_so(world):
    socket = world.connect()
    reads = asyncio.Event()

    async def send(message):
        await reads.wait()

    socket.connection._send = send
    world.ask()
    deliver(socket, 1)
    [line] = world.ask()["lines"]
    assert line[-1] is True
    reads.set()


async def test_what_is_more_than_is_kept_is_counted(world):
    socket = world.connect()
    world.ask()
    deliver(socket, *range(KEPT + 7))
    answer = world.ask()
    assert [pk for pk, _ in told(answer)] == list(range(KEPT))
    assert answer["written"] == KEPT + 7


async def test_two_askers_hear_the_same_and_the_second_goes_on_when_the_first_ends(world):
    socket = world.connect()
    world.ask("one"), world.ask("two")
    deliver(socket, 1)
    assert told(world.ask("one")) == told(world.ask("two")) == [(1, "live")]
    assert world.end("one") is None
    deliver(socket, 2)
    assert told(world.ask("two")) == [(2, "live")]
    world.end("two")
    assert (socket.connection.on_told, len(world.tails)) == (None, 0)


async def test_who_asks_about_one_user_hears_nothing_of_another(world):
    his, hers = world.connect(user_id=1), world.connect(user_id=2)
    world.ask("one", user_id=1), world.ask("two", user_id=2)
    deliver(his, 1)
    deliver(hers, 2)
    assert told(world.ask("one", user_id=1)) == [(1, "live")]
    assert told(world.ask("two", user_id=2)) == [(2, "live")]


async def test_more_askers_are_refused(world):
    for number in range(ASKERS):
        assert world.ask(str(number))["began"]
    assert world.ask("more") == {"refused": True}
    world.end("0")
    assert world.ask("more")["began"]


@pytest.fixture
def brief(monkeypatch):
    monkeypatch.setattr(module, "LEASE_SECONDS", 0.02)
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)


async def forgotten(world):
    async with asyncio.timeout(10):
        while len(world.tails):  # noqa: ASYNC110 for some turns
            await asyncio.sleep(0)


async def test_who_asks_no_more_is_forgotten(world, brief, caplog):
    caplog.set_level("INFO")
    socket = world.connect()
    world.ask()
    deliver(socket, 1)
    await forgotten(world)
    assert socket.connection.on_told is None
    assert "nobody asks any more for what is written to user 1: its asker is gone" in caplog.text
    assert world.ask() == {"began": True, "lines": [], "written": 0}


async def test_while_the_broker_is_away_nobody_is_forgotten(world, brief, monkeypatch):
    looked = asyncio.Queue()
    look = world.tails._look

    def and_say_so(group, tail):
        look(group, tail)
        looked.put_nowait(group)

    monkeypatch.setattr(world.tails, "_look", and_say_so)
    world.in_touch = False
    world.ask()
    for _ in range(5):
        await looked.get()
    assert len(world.tails) == 1
    world.in_touch = True
    await forgotten(world)


# What the asker makes of the answers


@pytest.fixture
def received(monkeypatch):
    monkeypatch.setattr("notifications.operations.received.is_local", lambda: False)
    return Received(1)


def answer(lines=(), *, written=0, began=False):
    return {"process": "host:1", "hub": "a", "began": began, "lines": list(lines), "written": written}


LINE = [1.5, 17, "update", "tasks", 23, "pass", False]
LINE_TOLD = Line(1.5, "host:1", "host:1/17", "update", "tasks", 23, "pass", False)


def test_a_line_names_its_connection_as_cable_stats_does(received):
    [said, line] = received._told(answer([LINE], written=1, began=True))
    assert said == Said("listening to host:1")
    assert line == LINE_TOLD


def test_what_a_process_left_out_and_an_answer_that_was_lost_are_counted(received):
    list(received._told(answer(began=True)))
    assert list(received._told(answer([LINE], written=8)))[1:] == [LeftOut("host:1", 7)]
    # A publisher that had no answer of Redis sends it again.
    assert list(received._told(answer([LINE], written=8))) == []
    # The answer before this one, with two lines, did not come.
    assert list(received._told(answer([LINE], written=11)))[1:] == [LeftOut("host:1", 2)]
    # It was forgotten meanwhile, and begins anew.
    assert list(received._told(answer([LINE], written=1, began=True)))[1:] == [LINE_TOLD]


def test_who_is_refused_is_told_once(received):
    refused = {"process": "host:1", "hub": "a", "refused": True}
    assert list(received._told(refused)) == [Said("host:1 does not answer: too many others ask it")]
    assert list(received._told(refused)) == []

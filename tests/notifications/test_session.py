"""One session with a broker, by itself: a layer in this test, no Redis."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.broker.events import PROBE
from notifications.broker.probes import Probes
from notifications.broker.session import Session
from notifications.broker.session_states import SESSION, SessionEvent, SessionState
from tests.support.tables import possible


class Layer:
    """Delivers at once what is sent to a joined group; deaf: takes everything, and delivers nothing."""

    def __init__(self, deaf=False):
        self.groups, self.closed, self.deaf = set(), False, deaf
        self.inbox = asyncio.Queue()

    async def new_channel(self):
        return "channel"

    async def hear(self, channel, on_event):
        while not isinstance(event := await self.inbox.get(), Exception):
            on_event(event)
        raise event

    async def group_add(self, group, channel):
        self.groups.add(group)

    async def group_discard(self, group, channel):
        self.groups.discard(group)

    async def group_send(self, group, event):
        if group in self.groups and not self.deaf:
            self.inbox.put_nowait(event)

    async def close(self):
        self.closed = True


@pytest.fixture
def lost():
    return []


@pytest.fixture
async def layer():
    return Layer()


@pytest.fixture
async def session(layer, lost):
    probes = Probes("us")

    def hear(event):
        assert event["type"] == PROBE
        probes.hear(event["nonce"])

    return Session(layer, probes, hear, lambda session, reason: lost.append(reason))


async def in_use(session):
    await session.open(["canary"])
    session.answered()
    await session.enter(["group"])
    session.begin()
    return session


async def test_it_is_in_a_group_once_a_probe_came_back(session):
    async with asyncio.timeout(5):
        await session.open(["canary"])
    assert session.joined == {"canary"}


async def test_where_nothing_comes_back_it_is_in_no_group(session, layer):
    layer.deaf = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await session.open(["canary"])
    assert session.joined == set()


async def test_what_is_wanted_again_is_not_left(session, layer):
    await in_use(session)
    await session.leave(["group", "canary"], wanted={"group"})
    assert session.joined == layer.groups == {"group"}


async def test_a_loss_is_told_of_once_whoever_notices_it(session, layer, lost):
    await in_use(session)
    session.lose("no echo")
    layer.inbox.put_nowait(OSError("cut"))
    await session.close()
    assert lost == ["no echo"]
    assert session.state is SessionState.CLOSED


async def test_a_receiver_that_fails_is_a_loss(session, layer, lost):
    await in_use(session)
    layer.inbox.put_nowait(OSError("cut"))
    async with asyncio.timeout(5):
        while not lost:  # noqa: ASYNC110 a list tells, not an event
            await asyncio.sleep(0)
    assert lost == ["cannot receive: OSError: cut"]


async def test_a_receiver_that_failed_before_it_was_in_use_is_a_loss(session, layer, lost):
    await session.open(["canary"])
    session.answered()
    layer.inbox.put_nowait(OSError("cut"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    session.begin()
    await asyncio.sleep(0)
    assert lost == ["cannot receive"]


async def test_before_it_is_in_use_its_loss_concerns_nobody(session, lost):
    session.lose("early")
    session.answered()
    session.lose("while it joined")
    assert lost == []
    assert session.state is SessionState.JOINING


ACTIONS = {
    SessionEvent.ANSWERED: Session.answered,
    SessionEvent.JOINED: Session.begin,
    SessionEvent.LOST: lambda session: session.lose("any"),
    SessionEvent.DISCARDED: Session.discard,
    SessionEvent.ENDED: lambda session: asyncio.run(session.close()),
}


@given(st.lists(st.integers(0, 10), max_size=12))
def test_however_it_goes_a_loss_is_told_of_only_in_use_and_once(choices):
    lost, was_in_use = [], False
    layer = Layer()
    session = Session(layer, Probes("us"), lambda event: None, lambda session, reason: lost.append(reason))
    for choice in choices:
        events = possible(SESSION, session.state)
        ACTIONS[events[choice % len(events)]](session)
        was_in_use = was_in_use or session.state is SessionState.IN_USE
        assert len(lost) <= was_in_use
        assert layer.closed == (session.state is SessionState.CLOSED)

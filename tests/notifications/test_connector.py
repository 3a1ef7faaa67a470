"""How a session is made, whatever fails on the way; a layer in this test, no Redis."""

import asyncio

import pytest

from notifications.broker import connector as module
from notifications.broker.connector import Connector
from notifications.broker.probes import Probes
from notifications.broker.session import Session
from notifications.broker.session_states import SessionState
from notifications.ground.jobs import Jobs


class Layer:
    """As one on Redis that answers. refuses: the group that cannot be joined."""

    def __init__(self, refuses):
        self.refuses = refuses
        self.inbox = asyncio.Queue()

    async def new_channel(self):
        return "channel"

    async def hear(self, channel, on_event):
        while True:
            on_event(await self.inbox.get())

    async def group_add(self, group, channel):
        if group == self.refuses:
            raise OSError(f"cannot join {group}")

    async def group_send(self, group, event):
        self.inbox.put_nowait(event)

    async def close(self):
        pass


@pytest.fixture
def made():
    return []


@pytest.fixture
def failures():
    return []


@pytest.fixture
async def connect(monkeypatch, made, failures):
    """connect(refuses): with layers of which each refuses the next of these groups."""
    monkeypatch.setattr(module, "CONNECT_AGAIN_SECONDS", 0.001)
    probes, closing = Probes("us"), Jobs("the test")

    def connect(refuses):
        refusing = iter(refuses)

        def make():
            layer = Layer(next(refusing, None))
            made.append(Session(layer, probes, lambda event: probes.hear(event["nonce"]), None))
            return made[-1]

        connector = Connector(
            make, canaries=["canary"], wanted=["wanted"], on_failure=failures.append, closing=closing
        )
        return connector.connect()

    yield connect
    for session in made:
        if session.state is not SessionState.CLOSED:
            session.discard()
            await session.close()


async def closed(sessions):
    async with asyncio.timeout(5):
        while any(each.state is not SessionState.CLOSED for each in sessions):  # noqa: ASYNC110 no event
            await asyncio.sleep(0)


async def test_a_session_has_joined_its_canaries_and_what_is_wanted(connect):
    session = await connect([])
    assert session.joined == {"canary", "wanted"}
    assert session.state is SessionState.JOINING


@pytest.mark.parametrize("group", ["canary", "wanted"])
async def test_one_that_fails_is_closed_and_told_of_and_another_made(connect, made, failures, group):
    async with asyncio.timeout(5):
        session = await connect([group])
    assert [str(failure) for failure in failures] == [f"cannot join {group}"]
    await closed([each for each in made if each is not session])
    assert session.state is SessionState.JOINING


async def test_who_gives_up_leaves_no_session_open(connect, made):
    connecting = asyncio.create_task(connect(["wanted"] * 1_000))
    async with asyncio.timeout(5):
        while len(made) < 3:  # noqa: ASYNC110 a list tells, not an event
            await asyncio.sleep(0)
    connecting.cancel()
    await asyncio.gather(connecting, return_exceptions=True)
    await closed(made)

"""How frames reach a socket, and that after its end nothing does."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.conf import CableSettings
from notifications.hub.socket import Socket
from notifications.wire.connection_states import CLOSED, CLOSING, CONGESTED, OPEN

LIMITS = CableSettings(outbox_frames=3, outbox_bytes=1_000)


class Server:
    """reads: while it is cleared, `send` waits. failing: what `send` raises then."""

    def __init__(self):
        self.sent = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.failing = None

    async def send(self, message):
        if self.failing is not None:
            raise self.failing
        self.sent.append(message.get("text", "close"))
        if not self.reads.is_set():
            await self.reads.wait()


class Counted(Socket):
    __slots__ = ("ends",)

    def on_close(self):
        self.ends = getattr(self, "ends", 0) + 1


@pytest.fixture
async def server():
    return Server()


@pytest.fixture
async def socket(server):
    return Counted(server.send, None, 1, LIMITS)


async def test_what_the_server_takes_at_once_needs_no_outbox(socket, server):
    socket.write("a")
    assert (socket.state, server.sent, socket.outbox_bytes) == (OPEN, ["a"], 0)


async def test_a_send_that_waits_makes_it_congested_until_all_is_written(socket, server):
    server.reads.clear()
    for frame in "abc":
        socket.write(frame)
    assert socket.state is CONGESTED
    assert socket.outbox_bytes > 0
    server.reads.set()
    async with asyncio.timeout(5):
        await socket.written()
    assert (socket.state, server.sent, socket.outbox_bytes) == (OPEN, ["a", "b", "c"], 0)


async def test_it_may_be_congested_again(socket, server):
    for _ in range(2):
        server.reads.clear()
        socket.write("a")
        assert socket.state is CONGESTED
        server.reads.set()
        async with asyncio.timeout(5):
            await socket.written()
    assert socket.state is OPEN


async def test_a_close_of_one_that_does_not_read_is_a_close_without_a_word(socket, server):
    server.reads.clear()
    socket.write("a")
    socket.close("remote", reconnect=True)
    assert socket.state is CLOSING
    server.reads.set()
    async with asyncio.timeout(5):
        while socket.state is not CLOSED:  # noqa: ASYNC110 nothing tells of it
            await asyncio.sleep(0)
    assert server.sent == ["a", "close"]


async def test_the_first_reason_counts(socket, server):
    socket.close("remote", reconnect=True)
    socket.close("too_slow", reconnect=True)
    socket.end("client")
    assert (socket.closed, socket.ends) == ("remote", 1)
    assert [json.loads(text)["reason"] for text in server.sent[:1]] == ["remote"]
    assert server.sent[1:] == ["close"]


async def test_a_write_that_fails_is_its_end(socket, server):
    server.failing = OSError("gone")
    socket.write("a")
    assert (socket.state, socket.closed, socket.ends) == (CLOSED, "cannot write: OSError", 1)


async def test_who_waits_for_a_congested_socket_goes_on_when_it_ends_before_its_writer_began(socket, server):
    """A cancelled task that never began runs no `finally`: its waiters would wait for good."""
    server.reads.clear()
    socket.write("a")
    waiting = asyncio.ensure_future(socket.written())
    socket.end("client")
    async with asyncio.timeout(5):
        await waiting


ACTIONS = st.lists(st.sampled_from(["write", "first", "reads", "stops", "close", "end", "turn"]), max_size=25)


@given(ACTIONS)
def test_in_whatever_order_things_happen_nothing_is_written_after_the_end(actions):
    asyncio.run(_whatever(actions))


async def _whatever(actions):
    server = Server()
    socket = Counted(server.send, None, 1, CableSettings())
    written = []
    for number, action in enumerate(actions):
        match action:
            case "write":
                if socket.is_open:
                    written.append(str(number))
                socket.write(str(number))
            case "first":
                socket.write_first("first")
            case "reads":
                server.reads.set()
            case "stops":
                server.reads.clear()
            case "close":
                socket.close("remote", reconnect=True)
            case "end":
                socket.end("client")
            case "turn":
                await asyncio.sleep(0)
    ended = not socket.is_open
    server.reads.set()
    async with asyncio.timeout(5):
        await socket.written()
    for _ in range(5):
        await asyncio.sleep(0)
    frames = [text for text in server.sent if text.isdecimal()]
    assert frames == written[: len(frames)]
    assert ended or frames == written
    assert getattr(socket, "ends", 0) == ended
    assert "close" not in server.sent[:-1]

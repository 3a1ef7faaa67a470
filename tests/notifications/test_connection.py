"""A socket that does not keep up: what it is sent, in which order, and when it is given up."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from notifications.conf import CableSettings
from notifications.hub.connection import BY_BROKER, Connection
from notifications.wire import protocol
from notifications.wire.close_codes import TOO_SLOW
from notifications.wire.payloads import Change
from notifications.wire.subscriptions import Subscription

ADMISSION = SimpleNamespace(user_id=1, key="key", expires_at=None)
NOW = 1_700_000_000_000_000
LIMITS = CableSettings(outbox_frames=3, outbox_bytes=1_000)


class Congested:
    """A server whose `send` waits while its client does not read."""

    def __init__(self):
        self.sent = []
        self.reads = asyncio.Event()

    async def send(self, message):
        self.sent.append(message)
        await self.reads.wait()

    @property
    def texts(self):
        return [message["text"] for message in self.sent if "text" in message]


@pytest.fixture
def server():
    return Congested()


@pytest.fixture
async def connection(server):
    """Congested from its first frame on."""
    found = Connection(server.send, None, ADMISSION, None, LIMITS, lambda connection: None)
    found.write("first")
    return found


def change(pk, at):
    return Change("update", "tasks", pk, 1, NOW + at, json.dumps({"id": pk, "updatedAt": at}))


async def delivered(connection, server):
    server.reads.set()
    await connection.written()
    return [json.loads(text)["message"] for text in server.texts if "message" in text]


async def test_of_a_row_that_changes_again_only_the_last_version_is_sent(connection, server):
    subscription = Subscription("I", NOW)
    for at in (1, 2, 3):
        connection.write_change(subscription, change(5, at), NOW, BY_BROKER)
    connection.write_change(subscription, change(6, 4), NOW, BY_BROKER)
    assert await delivered(connection, server) == [{"id": 5, "updatedAt": 3}, {"id": 6, "updatedAt": 4}]


async def test_a_row_that_changes_a_thousand_times_does_not_fill_the_outbox(connection, server):
    subscription = Subscription("I", NOW)
    for at in range(1_000):
        connection.write_change(subscription, change(5, at), NOW, BY_BROKER)
    assert connection.closed is None
    assert await delivered(connection, server) == [{"id": 5, "updatedAt": 999}]


async def test_a_ping_overtakes_what_waits(connection, server):
    connection.write("second")
    connection.write_first("ping")
    server.reads.set()
    await connection.written()
    assert server.texts == ["first", "ping", "second"]


async def test_over_the_bound_it_is_closed_with_4008_and_a_line_in_the_log(connection, server, caplog):
    for pk in range(4):
        connection.write_change(Subscription("I", NOW), change(pk, 1), NOW, BY_BROKER)
    assert connection.closed == "too_slow"
    server.reads.set()
    await asyncio.sleep(0)
    assert server.sent[-1] == {"type": "websocket.close", "code": TOO_SLOW}
    assert "does not read: over the limit of outbox" in caplog.text


async def test_nothing_follows_the_close(connection, server):
    connection.close("remote", reconnect=True)
    connection.write("late")
    connection.write_first("late ping")
    server.reads.set()
    await asyncio.sleep(0)
    assert server.texts == ["first"]


def pings(server):
    return [json.loads(text)["message"] for text in server.texts if '"ping"' in text]


def ping(connection, at):
    connection.ping(protocol.ping(at), at)


async def test_a2_a_ping_that_overtakes_what_waits_names_no_later_time_than_the_one_before():
    """Cut off now, the client comes back with the time that it names: what waits must not lie before it."""
    server = Congested()
    server.reads.set()
    connection = Connection(server.send, None, ADMISSION, None, LIMITS, lambda connection: None)
    ping(connection, 100)
    server.reads.clear()
    connection.write("first")
    connection.write("waits")
    ping(connection, 103)
    server.reads.set()
    await connection.written()
    ping(connection, 106)
    assert pings(server) == [100, 100, 106]


async def test_a2_during_a_replay_a_ping_names_no_later_time_than_the_client_did():
    server = Congested()
    server.reads.set()
    connection = Connection(server.send, None, ADMISSION, None, LIMITS, lambda connection: None)
    ping(connection, 100)
    subscription = connection.subscriptions.add("I", NOW)
    connection.owe_since(40 * 1_000_000)
    subscription.replay(NOW)
    ping(connection, 103)
    subscription.release({}, set())
    ping(connection, 106)
    assert pings(server) == [100, 40, 106]


@pytest.mark.parametrize("since", [None, float("inf"), 10**4_000])
async def test_a_replay_since_nothing_or_nonsense_does_not_disturb_the_pings(since):
    server = Congested()
    server.reads.set()
    connection = Connection(server.send, None, ADMISSION, None, LIMITS, lambda connection: None)
    ping(connection, 100)
    connection.subscriptions.add("I", NOW).replay(NOW)
    connection.owe_since(since)
    ping(connection, 103)
    assert pings(server) == [100, 100]


class Kernel:
    """A server that takes whole frames at once. calls: what each call was given."""

    def __init__(self, takes=True):
        self.takes = takes
        self.calls = []

    def write(self, frames):
        self.calls.append(frames)
        return self.takes


async def to_a_hundred_subscriptions(server, kernel, position=None):
    connection = Connection(
        server.send, kernel.write, ADMISSION, position, CableSettings(), lambda connection: None
    )
    for number in range(100):
        connection.subscriptions.add(f"I{number}", NOW).release({}, set())
    connection.deliver(change(5, 1), NOW)
    return connection


@pytest.mark.parametrize("position", [None, protocol.position_of("user.1", "epoch")])
async def test_c2_a_change_is_one_call_to_the_kernel_however_many_subscriptions(server, position):
    kernel = Kernel()
    connection = await to_a_hundred_subscriptions(server, kernel, position)
    [frames] = kernel.calls
    assert all(f'"I{number}"'.encode() in frames for number in range(100))
    assert connection.frames_out == 100


async def test_c2_what_the_kernel_does_not_take_waits_in_order(server):
    connection = await to_a_hundred_subscriptions(server, Kernel(takes=False))
    server.reads.set()
    await connection.written()
    assert [json.loads(text)["identifier"] for text in server.texts] == [f"I{n}" for n in range(100)]

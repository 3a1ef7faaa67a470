"""Clients that do not read, flood, or never finish cost themselves a socket, and nobody else anything."""

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from tests.end_to_end.soak.crowd import SUBSCRIBE, crowd, in_background, publish
from tests.end_to_end.soak.sizes import SIZES
from tests.support.processes import Footprint
from tests.support.raw import CONTINUATION, RawSocket, frame
from tests.support.waiting import eventually

MEBIBYTE = 1024 * 1024
STALLED = 10
TOLD_OFF = b'{"type":"disconnect","reason":"limit_exceeded","reconnect":true}'
NOISE = 8 * MEBIBYTE
# As delivered, of one socket.
COMMANDS_BURST, COMMANDS_PER_SECOND = 200, 20
# Between two messages of 10 kB. Without one, to write them to ten sockets until these are closed is work that
# others wait for: their p99 is 14 to 24 ms where it was 14.
PAUSE = 0.005


@pytest.fixture(scope="module")
def server(site):
    """Of their own: what they cost is measured."""
    return site.serve()


@pytest.fixture
def footprint(server):
    return Footprint(server.child.process.pid)


@pytest.fixture
def upgraded(server):
    """Opens websockets by hand, and closes them after the test."""
    with ExitStack() as opened:

        def upgrade(person, **options):
            socket = RawSocket(server.port, **options)
            opened.callback(socket.close)
            return socket.upgrade(person.token)

        yield upgrade


def stalled_reader(upgraded, person):
    """Subscribed, and from now on it does not read; the kernel keeps little for it."""
    socket = upgraded(person, receive_buffer=4096)
    socket.send(frame(SUBSCRIBE))
    return socket.hear(b"confirm_subscription")


def keep_sending(sockets):
    """What is ignored, well within what a client may send."""
    while alive := [socket for socket in sockets if socket.connected]:
        for socket in alive:
            try:
                socket.send(frame(json.dumps({"command": "nope"})))
            except ConnectionError:
                continue
        time.sleep(0.2)


async def measure_while_published_to(others, site, person):
    """1,000 messages of 10 kB, which cost the machine as much whether or not the person has sockets."""
    flooding = asyncio.create_task(in_background(publish, site.shell, [person], 1_000, 10_000, PAUSE))
    latency = await in_background(others.measure, SIZES.measured_seconds)
    await flooding
    return latency


async def test_stalled_readers_are_closed_and_cost_nobody_else_anything(
    site, server, footprint, upgraded, cooper, audrey
):
    with crowd(site, server, SIZES.bystanders) as others:
        before = await measure_while_published_to(others, site, audrey)
        stalled = [await in_background(stalled_reader, upgraded, cooper) for _ in range(STALLED)]
        sending = asyncio.create_task(in_background(keep_sending, stalled[: STALLED // 2]))
        resident = footprint.resident_bytes
        footprint.reset_peak()
        during = await measure_while_published_to(others, site, cooper)
        await in_background(
            eventually,
            lambda: not any(socket.connected for socket in stalled),
            15 if SIZES.compared else 60,
            "the end of the stalled readers",
        )
        await sending
    assert footprint.peak_bytes - resident < STALLED * 2 * MEBIBYTE + NOISE
    server.wait_for_log("does not read: over the limit of outbox")
    if SIZES.compared:
        assert during <= 1.2 * before, (before, during)


def flood(upgraded, person):
    """
    10,000 frames a second and more, until it is told off and cut off. Returns after how many seconds each
    was.
    """
    socket = upgraded(person)
    frames = frame('{"command":"nope"}') * 1_000
    began = time.monotonic()

    def listen():
        told = socket.hear(TOLD_OFF) and time.monotonic() - began
        return told, socket.hear_the_end() and time.monotonic() - began

    with ThreadPoolExecutor(1) as executor:
        heard = executor.submit(listen)
        try:
            while not heard.done():
                socket.send(frames)
        except ConnectionError:
            pass
        return heard.result()


def frames_taken(site, server):
    """How many frames like those of the flood the server has looked at, of whomever."""
    processes = json.loads(site.manage("cable_stats", "--json", "--wait", "20"))["processes"]
    [counts] = [
        each["counts"] for each in processes if each["process"].endswith(f":{server.child.process.pid}")
    ]
    return counts.get("ignored_frames", 0)


async def test_a_flood_is_closed_with_a_reason_and_costs_nobody_else_anything(site, server, upgraded, cooper):
    taken = await in_background(frames_taken, site, server)
    with crowd(site, server, SIZES.bystanders) as others:
        before = await in_background(others.measure, SIZES.measured_seconds)
        measuring = asyncio.create_task(in_background(others.measure, SIZES.measured_seconds))
        # From a thread of its own, which shares this machine with the server that it floods.
        told, cut = await in_background(flood, upgraded, cooper)
        during = await measuring
    server.wait_for_log(f"closed a socket of user {cooper.pk}: over the limit of commands_per_second")
    # However slow the machine is: what any client may send in that time, and not one frame more.
    taken = await in_background(frames_taken, site, server) - taken
    assert 0 < taken <= COMMANDS_BURST + COMMANDS_PER_SECOND * cut
    if SIZES.compared:
        # It does not answer the close, for which a client has a second.
        assert (told < 1, cut < 3) == (True, True), (told, cut)
        assert during <= 2 * before, (before, during)


def test_messages_that_are_never_finished_are_bounded_and_closed_within_ten_seconds(
    site, server, footprint, upgraded, cooper
):
    people = [cooper, *(site.new_person() for _ in range(SIZES.unfinished // 40))]
    resident = footprint.resident_bytes
    footprint.reset_peak()
    sockets = [upgraded(people[number // 40]) for number in range(SIZES.unfinished)]
    for socket in sockets:
        socket.send(frame("x" * 50_000, final=False) + frame("x" * 50_000, opcode=CONTINUATION, final=False))
    eventually(
        lambda: not any(socket.connected for socket in sockets),
        10 if SIZES.compared else 60,
        "the end of unfinished messages",
    )
    assert footprint.peak_bytes - resident < SIZES.unfinished * 300_000 + NOISE
    server.wait_for_log("never finished a message: over the limit of message_seconds")


def test_a_message_beyond_all_measure_is_cut_off_with_1009(server, cooper):
    with server.connect(cooper) as socket:
        socket.socket.send("x" * 200_000)
        assert socket.close_code() == 1009
    server.wait_for_log("over the limit of frame_bytes")


def test_a_slow_reader_that_reads_again_in_time_loses_nothing(site, upgraded, cooper):
    socket = stalled_reader(upgraded, cooper)
    publish(site.shell, [cooper], 60, 10_000)
    publish(site.shell, [cooper], 1, 1)
    for _ in range(60):
        socket.hear(b'"padding": "x"}')
    assert socket.heard.count(b'"at"') == 61
    assert socket.connected

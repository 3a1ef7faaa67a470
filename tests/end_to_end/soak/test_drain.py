"""A deploy: every client is sent elsewhere, spread out, loses nothing, and the process ends in time."""

import asyncio
import json
import signal
import time

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.end_to_end.soak.crowd import in_background, next_frame, open_socket, subscribed
from tests.end_to_end.soak.sizes import SIZES
from tests.support.cable import EXTENDED, I, confirmed
from tests.support.held import HeldHistory
from tests.support.raw import RawSocket
from tests.support.waiting import eventually

RESTART = {"type": "disconnect", "reason": "server_restart", "reconnect": True}
PER_PERSON = 40
HALF_SENT = (
    b"POST /api/users/me/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n"
    b'Content-Type: application/json\r\n\r\n{"task":'
)


def serve(site, drain=SIZES.drain_seconds, **env):
    return site.serve(["serve", "--bind", "127.0.0.1:{port}", "--drain", str(drain)], **env)


async def farewell(socket):
    """When it was told to go, and how."""
    while (frame := await next_frame(socket)) and "message" in frame:
        pass
    at = time.monotonic()
    with pytest.raises(ConnectionClosed) as closed:
        await socket.recv()
    return at, frame, closed.value.rcvd.code


def busiest(moments, seconds):
    """The largest number of them within so many seconds."""
    moments = sorted(moments)
    return max(sum(0 <= each - first < seconds for each in moments) for first in moments)


async def is_refused(server, person):
    try:
        async with asyncio.timeout(5), open_socket(server, person):
            return False
    except (InvalidStatus, OSError):
        return True


async def test_every_socket_is_told_to_go_spread_over_the_drain_whatever_else_is_open(site):
    server = serve(site)
    people = [site.new_person() for _ in range(SIZES.drained // PER_PERSON + 1)]
    sockets = [await subscribed(server, people[number // PER_PERSON]) for number in range(SIZES.drained)]
    uploads = [RawSocket(server.port) for _ in range(5)]
    for upload in uploads:
        upload.send(HALF_SENT)
    handshakes = [RawSocket(server.port) for _ in range(5)]
    for handshake in handshakes:
        handshake.send(b"GET /cable HTTP/1.1\r\nUpgrade: webso")
    farewells = [asyncio.create_task(farewell(socket)) for socket in sockets]
    began = time.monotonic()
    server.child.signal(signal.SIGTERM)
    await asyncio.wait(farewells, return_when=asyncio.FIRST_COMPLETED)
    assert await is_refused(server, people[0])
    answer = await in_background(httpx.get, f"{server.url}/health/ready")
    assert (answer.status_code, answer.json()["accepting"]) == (503, False)
    told = await asyncio.gather(*farewells)
    assert all(frame == RESTART for _, frame, _ in told)
    assert {code for _, _, code in told} == {1000}
    if SIZES.compared:
        tenth = busiest([at for at, _, _ in told], SIZES.drain_seconds / 10)
        assert tenth <= len(told) / 10, "a tenth of the time had more than its share"
    await in_background(eventually, lambda: not server.child.running, 60, "its end")
    if SIZES.compared:
        assert time.monotonic() - began < SIZES.drain_seconds + 5
    assert server.child.process.returncode == 0, server.child.log
    for each in (*uploads, *handshakes):
        each.close()


class Wanderer:
    """An extended client that goes where it is sent, and asks for what it missed. seen: task → versions."""

    def __init__(self, person):
        self.person = person
        self.position = {}
        self.seen = {}
        self.moves = 0

    async def follow(self, servers):
        for server in servers:
            self.moves += 1
            try:
                await self._stay(server)
            except ConnectionClosed:
                continue

    async def _stay(self, server):
        async with open_socket(server, self.person, EXTENDED) as socket:
            history = {"streams": self.position} if self.position else {"since": time.time()}
            await socket.send(json.dumps({"command": "subscribe", "identifier": I, "history": history}))
            while True:
                frame = await next_frame(socket)
                if "message" in frame:
                    message = frame["message"]
                    self.position = {frame["stream_id"]: {key: frame[key] for key in ("epoch", "offset")}}
                    self.seen.setdefault(message["id"], set()).add(message.get("updatedAt"))


async def test_with_a_second_process_standing_by_no_change_is_lost(site):
    server = serve(site, drain=1)
    next_server = site.servers[0]
    cooper = site.new_person()
    wanderers = [Wanderer(cooper) for _ in range(20)]
    tasks = await in_background(lambda: [site.new_task(cooper) for _ in range(5)])
    following = [asyncio.create_task(each.follow([server, next_server])) for each in wanderers]
    await in_background(site.touch, tasks[0])
    await in_background(
        eventually, lambda: all(each.seen for each in wanderers), 10, "the first notification"
    )
    server.child.signal(signal.SIGTERM)
    saved = {}
    while server.child.running or any(each.moves < 2 for each in wanderers):
        for task in tasks:
            saved[task] = await in_background(site.touch, task)
    try:
        for wanderer in wanderers:
            await in_background(
                eventually,
                lambda wanderer=wanderer: all(
                    at in wanderer.seen.get(task, ()) for task, at in saved.items()
                ),
                10,
                "the last version of every task",
            )
    finally:
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_either_signal_drains(site, number):
    server = serve(site, drain=0)
    with server.connect(site.new_person()) as socket:
        server.child.signal(number)
        assert socket.frame() == RESTART
        assert server.child.process.wait(30) == 0


def test_a_second_signal_stops_at_once(site, cooper):
    server = serve(site, drain=3600)
    with server.connect(cooper), server.connect(cooper):
        server.child.signal(signal.SIGTERM)
        eventually(lambda: server.request("GET", "/health/ready").status_code == 503, 30, "the drain")
        server.child.signal(signal.SIGTERM)
        server.child.process.wait(60)


def test_a_query_that_never_returns_does_not_delay_the_exit(site, cooper, tmp_path):
    history = HeldHistory(tmp_path)
    server = history.serve(site, drain=0)
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.command("subscribe", history={"since": 1})
        assert socket.frame() == confirmed()
        # The history is being read, on a thread that nothing can interrupt.
        history.wait_until_held()
        server.child.signal(signal.SIGTERM)
        # In order: the thread is abandoned, and nobody had to be forced.
        assert server.child.process.wait(30) == 0
    assert "exits although" not in server.child.log

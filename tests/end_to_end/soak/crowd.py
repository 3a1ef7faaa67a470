"""Many well-behaved clients at once, and how long a notification takes to reach them."""

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.support.cable import BASE, I
from tests.support.shell import Shell
from tests.support.site import MANAGE, Person, Server, Site
from tests.support.waiting import eventually

SUBSCRIBE = json.dumps({"command": "subscribe", "identifier": I})
SOCKETS_PER_PERSON = 20

_BROADCAST = """
from notifications.payloads import Change
from notifications.publisher import publish
import time
first = time.time_ns()
for number in range({count}):
    now = time.time()
    payload = json.dumps({{"action": "update#tasks", "at": now, "padding": "x" * {padding}}})
    publish([Change("update", "tasks", first + number, user, int(now * 1e6), payload) for user in {users}])
    time.sleep({pause})
result = publisher.flush(20)
"""


def open_socket(server: Server, person: Person, subprotocols: Sequence[str] = BASE) -> Any:
    return connect(
        server.cable_url,
        additional_headers={"Cookie": f"Authorization={person.token}"},
        subprotocols=list(subprotocols),
        compression=None,
        ping_interval=None,
        max_size=None,
        proxy=None,
    )


async def next_frame(socket: ClientConnection) -> dict[str, Any]:
    """That is no ping."""
    while True:
        frame: dict[str, Any] = json.loads(await socket.recv())
        if frame.get("type") != "ping":
            return frame


async def subscribed(server: Server, person: Person) -> ClientConnection:
    socket: ClientConnection = await open_socket(server, person)
    assert (await next_frame(socket))["type"] == "welcome"
    await socket.send(SUBSCRIBE)
    assert (await next_frame(socket))["type"] == "confirm_subscription"
    return socket


async def in_background(call: Any, *args: Any) -> Any:
    """What blocks, as the shell does, while the crowd reads on."""
    return await asyncio.to_thread(call, *args)


class Crowd:
    """latencies: seconds from publish to receipt; ping_gaps: seconds between two pings of a socket."""

    def __init__(self, site: Site, people: Sequence[Person]) -> None:
        self.people = people
        self.latencies: list[float] = []
        self.ping_gaps: list[float] = []
        # Of its own: others publish with the site's at the same time.
        self._shell = Shell(MANAGE, site.env)

    async def read(self, socket: ClientConnection) -> None:
        pinged = time.monotonic()
        try:
            async for text in socket:
                frame = json.loads(text)
                if "type" not in frame:
                    self.latencies.append(time.time() - frame["message"]["at"])
                elif frame["type"] == "ping":
                    self.ping_gaps.append(time.monotonic() - pinged)
                    pinged = time.monotonic()
        except ConnectionClosed:
            return

    async def measure(self, seconds: float) -> float:
        """Publish ten a second to everybody. Returns the 99th percentile of the latency, in seconds."""
        self.latencies.clear()
        await in_background(publish, self._shell, self.people, int(seconds * 10), 0, 0.1)
        expected = int(seconds * 10) * len(self.people) * SOCKETS_PER_PERSON
        await in_background(eventually, lambda: len(self.latencies) >= expected, 30, "every delivery")
        return percentile(self.latencies, 99)

    def close(self) -> None:
        self._shell.close()


def publish(shell: Shell, people: Sequence[Person], count: int, padding: int, pause: float = 0.0) -> None:
    users = [person.pk for person in people]
    assert shell(_BROADCAST.format(count=count, padding=padding, users=users, pause=pause))


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


@asynccontextmanager
async def crowd(site: Site, server: Server, size: int) -> AsyncIterator[Crowd]:
    """So many sockets, subscribed and reading."""
    people = [site.new_person() for _ in range(size // SOCKETS_PER_PERSON)]
    found = Crowd(site, people)
    sockets = [await subscribed(server, person) for person in people for _ in range(SOCKETS_PER_PERSON)]
    readers = [asyncio.create_task(found.read(socket)) for socket in sockets]
    try:
        yield found
    finally:
        await asyncio.gather(*(socket.close() for socket in sockets))
        await asyncio.gather(*readers)
        found.close()

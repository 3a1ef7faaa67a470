"""Many well-behaved clients at once, and how long a notification takes to reach them."""

import asyncio
import json
import math
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.load import SOCKETS_PER_USER
from benchmarks.programs import Generator
from tests.support.cable import BASE, I
from tests.support.shell import Shell
from tests.support.site import MANAGE, Person, Server, Site

SUBSCRIBE = json.dumps({"command": "subscribe", "identifier": I})
SOCKETS_PER_PERSON = 20
CONNECT_SECONDS = 120
# After so long without a single arrival what is missing is lost, not late.
PATIENCE_SECONDS = 30

_BROADCAST = """
from notifications.wire.payloads import Change
from notifications.broker.publisher import publish
import time
first = time.time_ns()
for number in range({count}):
    now = time.time()
    message = {{"action": "update#tasks", "at": time.monotonic(), "padding": "x" * {padding}}}
    payload = json.dumps(message)
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
    """What blocks, as the shell does, while sockets are read on."""
    return await asyncio.to_thread(call, *args)


class Crowd:
    """
    Many sockets, in a process of their own: what it costs to read is not measured.

    ping_gap: the longest that any socket waited for a ping during the last measurement, in seconds.
    """

    def __init__(self, site: Site) -> None:
        self.ping_gap = 0.0
        self._people: list[Person] = []
        # Of its own: others publish with the site's at the same time.
        self._shell = Shell(MANAGE, site.env)
        self._load = Generator()

    def connect(self, server: Server, people: list[Person]) -> None:
        """SOCKETS_PER_PERSON each, to their confirms."""
        self._people = people
        size = len(people) * SOCKETS_PER_PERSON
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            found = [{"id": person.pk, "token": person.token} for person in people]
            json.dump(found * (SOCKETS_PER_PERSON // SOCKETS_PER_USER), file)
            file.flush()
            connected = self._load(
                "connect", ports=[server.port], people=file.name, sockets=size, seconds=CONNECT_SECONDS
            )
        assert connected["confirmed"] == size, f"{connected['confirmed']} of {size} were confirmed"

    def measure(self, seconds: float, pings: int = 0) -> float:
        """
        Publish ten a second to everybody, and wait until every socket heard all of it, and so many pings.
        Returns the 99th percentile of the time from publish to receipt, in seconds.
        """
        self._load("watch")
        count = int(seconds * 10)
        publish(self._shell, self._people, count, 0, 0.1)
        expected = count * len(self._people) * SOCKETS_PER_PERSON
        heard = self._load("heard", expected=expected, pings=pings, patience=PATIENCE_SECONDS)
        self.ping_gap = heard["ping_gap"]
        latencies = [at - message["at"] for at, message in heard["arrivals"]]
        assert len(latencies) == expected, f"{len(latencies)} of {expected} notifications came"
        assert heard["pings"] >= pings, f"a socket had {heard['pings']} of {pings} pings"
        return percentile(latencies, 99)

    def close(self) -> None:
        self._load.close()
        self._shell.close()


def publish(shell: Shell, people: Sequence[Person], count: int, padding: int, pause: float = 0.0) -> None:
    users = [person.pk for person in people]
    assert shell(_BROADCAST.format(count=count, padding=padding, users=users, pause=pause))


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]


@contextmanager
def crowd(site: Site, server: Server, size: int) -> Iterator[Crowd]:
    """So many sockets, subscribed and reading."""
    found = Crowd(site)
    try:
        found.connect(server, site.new_people(size // SOCKETS_PER_PERSON))
        yield found
    finally:
        found.close()

"""
The load generator, a separate process: `python -m benchmarks.load` reads commands as lines of JSON, and
responds to each with one line.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator
from itertools import count, cycle
from typing import Any

import uvloop

from benchmarks import centrifugo, event_stream, websocket
from benchmarks.publications import PUBLICATIONS, shared
from benchmarks.websocket import Client

HOST = "127.0.0.1"
SOCKETS_PER_USER = 2
# As real clients do: see actioncable's ConnectionMonitor.
RESUBSCRIBE_SECONDS = 0.5
REOPEN_SECONDS = 3.0
# How often a client is polled for its confirmation.
LOOK_SECONDS = 0.05
# After this long without any notification, the missing ones are counted as lost.
PATIENCE_SECONDS = 4.0
PUBLISH_AT_ONCE = 20
# The publication of rows that every user in the file of people may see, and the rows' primary keys.
SHARED, SHARED_ROWS = "shared", range(1, 101)
# Contender.client -> the function that makes such a client.
CLIENTS = {"websocket": websocket.new, "stream": event_stream.new, "centrifugo": centrifugo.new}


class Sink(asyncio.Protocol):
    """A connection to Redis that discards the responses."""


def redis_command(*words: bytes) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


class Load:
    """Each command is a public method; its keyword arguments and its result are sent as JSON."""

    def __init__(self) -> None:
        self.received = 0
        self.worst_gap = 0.0
        self.arrivals: list[tuple[float, bytes]] | None = None
        self.people: list[dict[str, Any]] = []
        # The users who may see the shared row, connected or not.
        self.readers: list[int] = []
        self.clients: list[Client] = []
        self._new_client = CLIENTS["websocket"]
        self._changed = asyncio.Event()
        # Shared by all floods: a version older than the last one of a row would not be delivered.
        self._versions = count(int(time.time()))
        self._opened = self._subscribes = self._refused = 0

    # Connecting

    async def connect(
        self, *, ports: list[int], people: str, sockets: int, seconds: float, client: str = "websocket"
    ) -> dict[str, Any]:
        """
        Opens all sockets at once, on each port in turn.

        people: a file of [{"id", "token", "task"}, …]. client: a key of CLIENTS.
        """
        self._new_client = CLIENTS[client]
        self._meet(people, sockets)
        started = time.monotonic()
        waiting = [self._open(ports, index) for index in range(sockets)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        self.clients = [client for client in results if isinstance(client, Client)]
        while time.monotonic() < started + seconds and not all(c.confirmed or c.ended for c in self.clients):
            await self._next_change()
        confirmed = sum(client.confirmed for client in self.clients)
        return {"seconds": time.monotonic() - started, "confirmed": confirmed, "sockets": sockets}

    async def _open(self, ports: list[int], index: int) -> Client:
        port = ports[index % len(ports)]
        person = self.people[index // SOCKETS_PER_USER]
        self._opened += 1
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(
            lambda: self._new_client(HOST, port, person, self, self._on_change), HOST, port
        )
        return client

    def _on_change(self, client: Client) -> None:
        self._changed.set()

    async def _next_change(self) -> None:
        self._changed.clear()
        try:
            async with asyncio.timeout(0.5):
                await self._changed.wait()
        except TimeoutError:
            return
        await asyncio.sleep(0.02)  # most changes come in bursts

    def _meet(self, people: str, sockets: int) -> None:
        with open(people) as file:
            everybody = json.load(file)
        self.people = everybody[: sockets // SOCKETS_PER_USER]
        self.readers = [person["id"] for person in everybody]

    async def reconnect(
        self, *, ports: list[int], people: str, sockets: int, seconds: float
    ) -> dict[str, Any]:
        """
        Reconnects as real clients do after a mass disconnect: a third within the first second, the others
        within the next six. Each client repeats its subscribe every 500 ms, and opens a new socket if no
        welcome arrives within 3 s.
        """
        self._meet(people, sockets)
        self._opened = self._subscribes = self._refused = 0
        started = time.monotonic()
        delays = [random.random() if index % 3 == 0 else 1 + 6 * random.random() for index in range(sockets)]
        waits = [self._come_back(ports, index, delay, seconds) for index, delay in enumerate(delays)]
        times = sorted(await asyncio.gather(*waits))
        confirmed = sum(client.confirmed and not client.ended for client in self.clients)
        return {
            "seconds": time.monotonic() - started,
            "confirmed": confirmed,
            "sockets": sockets,
            "opened": self._opened,
            "subscribes": self._subscribes,
            "refused": self._refused,
            "p50": times[len(times) // 2],
            "max": times[-1],
        }

    async def _come_back(self, ports: list[int], index: int, delay: float, seconds: float) -> float:
        """Returns the seconds from the first attempt to the confirmation."""
        await asyncio.sleep(delay)
        started = time.monotonic()
        while time.monotonic() < started + seconds:
            try:
                client = await self._open(ports, index)
            except OSError:
                self._refused += 1
                await asyncio.sleep(REOPEN_SECONDS)
                continue
            if await self._insist(client):
                self.clients.append(client)
                break
            self._refused += client.ended
            client.transport.abort()
        return time.monotonic() - started

    async def _insist(self, client: Client) -> bool:
        """Repeats the subscribe until it is confirmed. False if the socket ended or got no welcome."""
        opened = time.monotonic()
        while not client.confirmed and not client.ended:
            now = time.monotonic()
            if not client.welcomed:
                if now - opened > REOPEN_SECONDS:
                    return False
            elif now - client.subscribed_at > RESUBSCRIBE_SECONDS:
                client.subscribe()
            await asyncio.sleep(LOOK_SECONDS)
        self._subscribes += client.subscribes
        return client.confirmed

    # Delivering

    async def flood(self, *, redis: int, publication: str, seconds: float, window: int) -> dict[str, Any]:
        """Publishes as fast as the server delivers: about `window` deliveries are always in flight."""
        transport, _ = await asyncio.get_running_loop().create_connection(Sink, HOST, redis)
        messages, each = self._messages(publication), self._heard_by(publication)
        at_once = max(1, PUBLISH_AT_ONCE * SOCKETS_PER_USER // each)
        self.watch_pings()
        before, published, started = self.received, 0, time.monotonic()
        used = time.process_time()
        while time.monotonic() < started + seconds:
            on_their_way = published * each - (self.received - before)
            if on_their_way > window:
                # Block the event loop too: on loopback, waking a reader that waits for a socket costs the
                # sender's CPU time. Over a network it would not.
                time.sleep(0.001)  # noqa: ASYNC251
                await asyncio.sleep(0)
                if time.monotonic() - started > PATIENCE_SECONDS and self.received == before:
                    break
                continue
            transport.write(b"".join(next(messages) for _ in range(at_once)))
            published += at_once
            await asyncio.sleep(0)
        gap = self._worst_gap()
        elapsed = time.monotonic() - started
        in_time = self.received - before
        await self._settle(before + published * each)
        transport.close()
        return {
            "deliveries": self.received - before,
            "lost": published * each - (self.received - before),
            "per_second": in_time / elapsed,
            "ping_gap": gap,
            "generator_busy": (time.process_time() - used) / (time.monotonic() - started),
        }

    def _heard_by(self, publication: str) -> int:
        """The number of sockets that receive each publication."""
        return len(self.clients) if publication == SHARED else SOCKETS_PER_USER

    def _messages(self, publication: str) -> Iterator[bytes]:
        for channel, body in self._publications(publication):
            yield redis_command(b"PUBLISH", channel.encode(), body)

    def _publications(self, publication: str) -> Iterator[tuple[str, bytes]]:
        if publication == SHARED:
            yield from (shared(self.readers, SHARED_ROWS[0], version) for version in self._versions)
        people = random.sample(self.people, len(self.people))
        for person in cycle(people):
            yield PUBLICATIONS[publication](person["id"], person["task"], next(self._versions))

    async def _settle(self, expected: int) -> None:
        seen, since = self.received, time.monotonic()
        while self.received < expected and time.monotonic() < since + PATIENCE_SECONDS:
            await asyncio.sleep(0.01)
            if self.received != seen:
                seen, since = self.received, time.monotonic()

    async def watch(self) -> dict[str, Any]:
        """
        Record every notification from now on, for heard(). The caller publishes only after the response to
        this command.
        """
        self.arrivals = []
        self.watch_pings()
        return {}

    async def heard(self, *, expected: int, patience: float, pings: int = 0) -> dict[str, Any]:
        """
        The notifications since watch(): [[time (CLOCK_MONOTONIC), the message], …].

        Waits for `expected` notifications, and for `pings` pings on each socket. Gives up after `patience`
        seconds without any of either, so that a slow publisher does not end the wait.
        """
        seen, since = -1, time.monotonic()
        while (missing := self._missing(expected, pings)) and time.monotonic() < since + patience:
            if missing != seen:
                seen, since = missing, time.monotonic()
            await asyncio.sleep(0.01)
        arrivals, self.arrivals = self.arrivals or [], None
        frames = [(at, json.loads(text)["message"]) for at, text in arrivals]
        fewest = min((client.pings for client in self.clients), default=0)
        return {"arrivals": frames, "ping_gap": self._worst_gap(), "pings": fewest}

    def _missing(self, expected: int, pings: int) -> int:
        """The number of missing notifications and pings together."""
        unheard = max(0, expected - len(self.arrivals or ()))
        return unheard + sum(max(0, pings - client.pings) for client in self.clients if pings)

    async def blast(self, *, seconds: float) -> dict[str, Any]:
        """With the null server: the frames per second that this generator receives, and its CPU per frame."""
        before, used, started = self.received, time.process_time(), time.monotonic()
        await asyncio.sleep(seconds)
        elapsed = time.monotonic() - started
        frames = self.received - before
        return {
            "per_second": frames / elapsed,
            "microseconds": (time.process_time() - used) / max(1, frames) * 1e6,
        }

    # Pings

    def watch_pings(self) -> None:
        self.worst_gap = 0.0
        now = time.monotonic()
        for client in self.clients:
            client.last_ping, client.pings = now, 0

    def _worst_gap(self) -> float:
        """The longest gap on any socket, in seconds; the gap that is still open counts."""
        now = time.monotonic()
        waiting = max((now - client.last_ping for client in self.clients if not client.ended), default=0.0)
        return max(self.worst_gap, waiting)

    async def state(self) -> dict[str, Any]:
        return {"open": sum(not client.ended for client in self.clients), "received": self.received}


async def main() -> None:
    load = Load()
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command = json.loads(line)
        answer = await getattr(load, command.pop("command"))(**command)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(main())

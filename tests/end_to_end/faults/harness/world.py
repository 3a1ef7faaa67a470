"""The clients, the writer and the network of one scenario, in an event loop in a separate thread."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from tests.end_to_end.faults.harness.checker import complaints, lost, versions_in_tables
from tests.end_to_end.faults.harness.clients import Client
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.proxy import Proxy
from tests.end_to_end.faults.harness.writer import Writer
from tests.support.site import Person, Server, Site
from tests.support.waiting import eventually, within

T = TypeVar("T")


class Loop:
    """An event loop in a thread. failures: exceptions of its tasks; a test asserts that there are none."""

    def __init__(self) -> None:
        self.failures: list[BaseException] = []
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faults")
        self._thread.start()

    def run(self, job: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(job, self._loop).result(120)

    def spawn(self, job: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        async def start() -> asyncio.Task[Any]:
            task = asyncio.get_running_loop().create_task(job)
            self._tasks.add(task)
            task.add_done_callback(self._finished)
            return task

        return self.run(start())

    def _finished(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (failure := task.exception()):
            self.failures.append(failure)

    def end(self, task: asyncio.Task[Any]) -> None:
        async def ending() -> None:
            task.cancel()
            await asyncio.wait([task])

        self.run(ending())

    def call(self, action: Callable[..., T], *args: Any) -> T:
        async def calling() -> T:
            return action(*args)

        return self.run(calling())

    def close(self) -> None:
        for task in tuple(self._tasks):
            self.end(task)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class World:
    def __init__(self, site: Site, loop: Loop, users: int) -> None:
        self.site = site
        self.loop = loop
        self.people = site.new_people(users)
        self.clients: list[Client] = []
        self.writer = Writer(self.people, [server.url for server in site.servers], LOAD.changes)
        self._writing: asyncio.Task[Any] | None = None

    # The cast

    def populate(
        self, *kinds: type[Client], ports: Sequence[int] | None = None, sockets: int = LOAD.sockets
    ) -> None:
        """Adds clients of these kinds in turn. A client connects to the servers in turn, too."""
        found = ports or [server.port for server in self.site.servers]
        for number in range(sockets):
            # Every user has clients of every kind, and at every server.
            person = self.people[number // 4 % len(self.people)]
            address = f"127.0.{1 + number // 200}.{1 + number % 200}"
            self._add(kinds[number % len(kinds)], person, address, _by_turns(found, number // 2))
        settled = within(LOAD.settling, self.everybody_is_live)
        waiting = [each.ended for each in self.clients if not each.live.is_set()]
        assert settled, (self.loop.failures, waiting)

    def _add(self, kind: type[Client], person: Person, address: str, url: Callable[[], str]) -> None:
        client = self.loop.call(kind, person, address, url)
        self.clients.append(client)
        self.loop.spawn(client.run())

    def everybody_is_live(self) -> bool:
        return all(client.live.is_set() for client in self.clients)

    def proxy(self, target: int) -> Proxy:
        return self.loop.run(Proxy(target).start())

    # Changes

    def start_writing(self) -> None:
        self._writing = self.loop.spawn(self.writer.run())

    def stop_writing(self) -> None:
        if self._writing is not None:
            self.loop.end(self._writing)
            self._writing = None

    def live_through(self, seconds: float) -> tuple[float, float]:
        """Waits for `seconds`, and for at least one change. Returns the start and end time."""
        started, before = time.time(), len(self.writer.answers)
        eventually(
            lambda: time.time() - started >= seconds and len(self.writer.answers) > before,
            seconds + 30,
            "a change",
        )
        return started, time.time()

    # Judgement

    def unheard(self, until: float) -> list[str]:
        """Changes that the API had confirmed before that time and that not every client has received."""
        due: dict[int, dict[tuple[str, int], int]] = {}
        for answer in tuple(self.writer.answers):
            if answer.at + answer.took < until:
                row, theirs = ("tasks", answer.task), due.setdefault(answer.user, {})
                theirs[row] = max(answer.version, theirs.get(row, 0))
        return self.loop.call(lost, self.clients, due)

    def seconds_until_heard(self, since: float) -> float:
        """How long after `since` every client had received all changes committed before it."""
        arrived = within(LOAD.settling, lambda: not self.unheard(since))
        assert arrived, (self.loop.failures, self.unheard(since)[:5])
        return time.time() - since

    def lost(self) -> list[str]:
        return self.loop.call(lost, self.clients, versions_in_tables(self.site))

    def check(self) -> None:
        """Stops the writer. Asserts that every client ends with the state of the tables, and in order."""
        self.stop_writing()
        arrived = within(LOAD.settling, lambda: not self.lost())
        assert arrived, (self.loop.failures, self.lost()[:5])
        assert self.loop.failures == []
        assert self.loop.call(complaints, self.clients) == []
        assert self.writer.answers


def _by_turns(ports: Sequence[int], first: int) -> Callable[[], str]:
    turns = itertools.count(first)
    return lambda: f"ws://127.0.0.1:{ports[next(turns) % len(ports)]}/cable"


@contextmanager
def proxy_before(port: int) -> Iterator[Any]:
    """A proxy for a local port. Call its methods in its event loop: proxy.on_its_loop(proxy.swallow)."""
    loop = Loop()
    proxy: Any = loop.run(Proxy(port).start())
    proxy.on_its_loop = loop.call
    try:
        yield proxy
    finally:
        loop.run(proxy.close())
        loop.close()


@contextmanager
def new_world(site: Site, users: int = LOAD.users) -> Iterator[World]:
    loop = Loop()
    try:
        yield World(site, loop, users)
    finally:
        loop.close()


def ready(server: Server) -> bool:
    return server.request("GET", "/health/ready").status_code == 200


def seconds_until(look: Callable[[], bool], seconds: float, what: str) -> float:
    started = time.monotonic()
    eventually(look, seconds, what)
    return time.monotonic() - started

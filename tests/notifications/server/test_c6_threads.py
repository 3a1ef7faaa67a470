"""HTTP takes no more threads than it is given, and whoever is slow to read keeps nobody waiting."""

import asyncio
import json
import threading
from contextlib import asynccontextmanager

import pytest
from asgiref.sync import sync_to_async

from notifications.server.threads import BoundedRequests
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio

THREADS = 3


class Views:
    """An application whose views, on threads as Django's are, wait until they may go on."""

    def __init__(self) -> None:
        self.running = 0
        self.most = 0
        self.threads: set[str] = set()
        self.go_on = threading.Event()
        self._lock = threading.Lock()

    async def __call__(self, scope, receive, send) -> None:
        await sync_to_async(self._view)()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"ok"})
        await sync_to_async(self._end)()

    def _view(self) -> None:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
            self.threads.add(threading.current_thread().name)
        assert self.go_on.wait(30)
        with self._lock:
            self.running -= 1

    def _end(self) -> None:
        self.threads.add(threading.current_thread().name)


class Client:
    def __init__(self, *, reads: bool = True) -> None:
        self.messages: list[dict] = []
        self.reads = asyncio.Event()
        if reads:
            self.reads.set()

    async def send(self, message) -> None:
        await self.reads.wait()
        self.messages.append(message)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]


@asynccontextmanager
async def asked(application, count, path="/api", **options):
    """So many requests at once; at the end all are answered."""
    clients = [Client(**options) for _ in range(count)]
    scope = {"type": "http", "path": path}
    tasks = [asyncio.create_task(application(scope, None, client.send)) for client in clients]
    try:
        yield clients, tasks
    finally:
        for client in clients:
            client.reads.set()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition):
    await asyncio.to_thread(eventually, condition, 10)


def bounded(views, **options):
    return BoundedRequests(views, threads=THREADS, **{"waiting": 100, "seconds": 30.0} | options)


async def test_c6_a_crowd_of_requests_shares_the_threads_and_all_are_answered():
    views = Views()
    async with asked(bounded(views), 50) as (clients, tasks):
        await until(lambda: views.running == THREADS)
        views.go_on.set()
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
    assert [client.status for client in clients] == [200] * 50
    assert views.most <= THREADS
    assert len([name for name in views.threads if "end" not in name]) <= THREADS


async def test_c6_what_may_not_even_wait_is_told_when_to_come_back():
    views = Views()
    async with asked(bounded(views, waiting=5), THREADS + 5 + 4) as (clients, _):
        await until(lambda: len([client for client in clients if client.messages]) == 4)
        refused = [client for client in clients if client.messages]
        views.go_on.set()
    assert {client.status for client in refused} == {503}
    assert (b"Retry-After", b"5") in refused[0].messages[0]["headers"]
    assert json.loads(refused[0].messages[1]["body"])["errors"][0]["code"] == "unavailable"
    assert sorted(client.status for client in clients) == [200] * (THREADS + 5) + [503] * 4


async def test_c6_nobody_waits_for_ever():
    views = Views()
    application = bounded(views, seconds=0.2)
    async with asked(application, THREADS), asked(application, 4) as (waiting, tasks):
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        assert [client.status for client in waiting] == [503] * 4
        views.go_on.set()
    async with asked(application, THREADS) as (clients, _):
        pass
    assert [client.status for client in clients] == [200] * THREADS


async def test_c6_who_does_not_read_the_answer_holds_no_thread():
    views = Views()
    views.go_on.set()
    application = bounded(views)
    async with asked(application, 20, reads=False), asked(application, 5) as (clients, tasks):
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        assert [client.status for client in clients] == [200] * 5


async def test_c6_a_client_that_goes_leaves_its_thread_to_nobody_before_the_view_ends():
    views = Views()
    application = bounded(views)
    async with asked(application, THREADS) as (_, gone):
        await until(lambda: views.running == THREADS)
        for task in gone:
            task.cancel()
        async with asked(application, THREADS) as (clients, tasks):
            await asyncio.sleep(0)
            assert views.running == THREADS
            views.go_on.set()
            await asyncio.wait_for(asyncio.gather(*tasks), 30)
            assert [client.status for client in clients] == [200] * THREADS
    assert views.most == THREADS


@pytest.mark.parametrize("path", ["/health/live", "/metrics", "/app/health/ready"])
async def test_c6_what_operators_ask_does_not_wait_for_the_crowd(path):
    crowd, few = Views(), Views()
    few.go_on.set()

    async def both(scope, receive, send):
        await (few if scope["path"] == path else crowd)(scope, receive, send)

    application = bounded(both)
    async with asked(application, 20), asked(application, 2, path) as (clients, tasks):
        await asyncio.wait_for(asyncio.gather(*tasks), 30)
        assert [client.status for client in clients] == [200] * 2
        crowd.go_on.set()

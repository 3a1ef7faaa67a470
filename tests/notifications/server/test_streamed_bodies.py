"""The body of a streamed answer is made on the lane of its request, and within the limits of requests."""

import asyncio
import io
import threading
from contextlib import asynccontextmanager
from itertools import chain

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import path

from notifications.server import threads
from notifications.server.threads import ENDING_THREADS, BoundedRequests, NoLane
from tests.support.waiting import eventually

pytestmark = [
    pytest.mark.asyncio,
    # Django's of each synchronous stream that is served by ASGI.
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume synchronous iterators:Warning"),
]

# More than Django reads at once.
ROWS = 4_500
PATIENCE = 30


class House:
    """What the views do and wait for."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.poll_again = asyncio.Event()
        self.running = 0
        self.threads: list[str] = []
        self.closed_on: list[str] = []

    def here(self) -> None:
        self.threads.append(threading.current_thread().name)

    def export(self):
        self.running += 1
        yield b"begun,"
        assert self.go_on.wait(2 * PATIENCE)
        yield b"ended"
        self.running -= 1


house = House()


def peeked(request):
    rows = Group.objects.order_by("pk").values_list("name", flat=True).iterator()
    house.here()

    def body():
        for row in chain([first], rows):
            house.here()
            yield f"{row}\n"

    first = next(rows)
    return StreamingHttpResponse(body())


def export(request):
    response = StreamingHttpResponse(house.export())
    response._resource_closers.append(lambda: house.closed_on.append(threading.current_thread().name))
    return response


def stream(request):
    return StreamingHttpResponse(b"%d," % number for number in range(100))


def file(request):
    return FileResponse(io.BytesIO(b"x" * 300_000))


def large(request):
    return HttpResponse(b"x" * 300_000)


async def rows(request):
    async def body():
        yield "names\n"
        async for row in Group.objects.order_by("pk").aiterator():
            yield f"{row.name}\n"

    return StreamingHttpResponse(body())


async def pieces(request):
    """Each of them made on a thread."""

    async def body():
        for _ in range(3):
            await sync_to_async(house.here)()
            yield b"x" * 100_000

    return StreamingHttpResponse(body())


async def events(request):
    async def body():
        for _ in range(2):
            await sync_to_async(house.here)()
            yield b"data: x\n\n"
            await house.poll_again.wait()

    return StreamingHttpResponse(body(), content_type="text/event-stream")


urlpatterns = [
    path(view.__name__, view) for view in (peeked, export, stream, file, large, rows, pieces, events)
]


class Client:
    """reads: how many messages. Its own end it tells by gone."""

    def __init__(self, reads: int = 1_000_000) -> None:
        self.messages: list[dict] = []
        self.gone = asyncio.Event()
        self.reads_all = asyncio.Event()
        self._reads = reads
        self._asked = False

    async def receive(self):
        if self._asked:
            await self.gone.wait()
            return {"type": "http.disconnect"}
        self._asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(self, message) -> None:
        if len(self.messages) >= self._reads:
            await self.reads_all.wait()
        self.messages.append(message)

    @property
    def status(self) -> int:
        return self.messages[0]["status"]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def complete(self) -> bool:
        return bool(self.messages) and not self.messages[-1].get("more_body", False)


async def connected(scope, receive, send):
    """Django would close an old connection first."""
    found = await sync_to_async(lambda: connections["default"].connection is not None)()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(found).encode()})


async def polls(scope, receive, send):
    """As the view events; of one that fails Django leaves a file open."""
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for _ in range(2):
        await sync_to_async(house.here)()
        await send({"type": "http.response.body", "body": b"data: x\n\n", "more_body": True})
        await house.poll_again.wait()


BESIDE_DJANGO = {"/connected": connected, "/polls": polls}


class Site:
    def __init__(self, lanes: int, *, waiting: int = 100) -> None:
        self._django = ASGIHandler()
        self._bounded = BoundedRequests(self._application, threads=lanes, waiting=waiting, seconds=PATIENCE)

    async def _application(self, scope, receive, send):
        await BESIDE_DJANGO.get(scope["path"], self._django)(scope, receive, send)

    def ask(self, name: str, **options):
        client = Client(**options)
        scope = {"type": "http", "method": "GET", "path": f"/{name}", "query_string": b"", "headers": []}
        return client, asyncio.create_task(self._bounded(scope, client.receive, client.send))

    async def answer(self, name: str) -> Client:
        client, task = self.ask(name)
        await asyncio.wait_for(task, PATIENCE)
        return client

    @asynccontextmanager
    async def asked(self, name: str, count: int, **options):
        """So many requests at once; at the end all are answered."""
        clients, tasks = zip(*(self.ask(name, **options) for _ in range(count)), strict=True)
        try:
            yield clients, tasks
        finally:
            for client in clients:
                client.reads_all.set()
            house.go_on.set()
            house.poll_again.set()
            await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), PATIENCE)


@pytest.fixture(autouse=True)
async def _house(settings):
    global house
    house = House()
    settings.ROOT_URLCONF, settings.MIDDLEWARE = __name__, []


@pytest.fixture
def groups(transactional_db):
    """In a file, or in PostgreSQL: threads see the same."""
    Group.objects.bulk_create([Group(name=f"group {number:05}") for number in range(ROWS)])
    return "".join(f"group {number:05}\n" for number in range(ROWS)).encode()


async def until(condition):
    await asyncio.to_thread(eventually, condition, 10)


# One request, one thread


async def test_a_view_that_has_begun_to_read_streams_every_row(groups):
    site = Site(3)
    clients = [await site.answer("peeked") for _ in range(3)]
    assert [(client.status, client.body) for client in clients] == [(200, groups)] * 3


async def test_it_does_so_for_whoever_lets_the_start_of_the_answer_wait(groups):
    async with Site(1).asked("peeked", 2, reads=0) as (clients, tasks):
        await until(lambda: len(house.threads) == 2 * (ROWS + 1))
        for client in clients:
            client.reads_all.set()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
        assert [client.body for client in clients] == [groups] * 2


async def test_a_synchronous_body_is_made_on_the_thread_of_its_view(groups):
    await Site(3).answer("peeked")
    assert len(house.threads) == ROWS + 1
    assert len(set(house.threads)) == 1


async def test_the_connection_of_a_stream_is_closed_once_it_is_made(groups):
    site = Site(1)
    await site.answer("peeked")
    assert (await site.answer("connected")).body == b"False"


async def test_an_asynchronous_body_reads_on_where_it_began(groups):
    site = Site(3)
    # Others end at the same time, and have the connections of their threads closed.
    async with site.asked("rows", 3) as (clients, tasks), site.asked("peeked", 10):
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
        assert [client.body for client in clients] == [b"names\n" + groups] * 3


async def test_pieces_of_an_asynchronous_body_share_a_lane():
    await Site(3).answer("pieces")
    assert len(house.threads) == 3
    assert len(set(house.threads)) == 1
    assert "end" not in house.threads[0]


async def test_a_body_whose_client_has_gone_is_closed_where_it_was_made():
    site = Site(2)
    client, task = site.ask("export")
    await until(lambda: house.running == 1)
    client.gone.set()
    for _ in range(50):  # turns of the loop, in which Django hears of it and goes on to close the answer
        await asyncio.sleep(0)
    house.go_on.set()
    await asyncio.wait_for(task, PATIENCE)
    assert house.running == 0
    assert ["end" in name for name in house.closed_on] == [False]


# Limits


@pytest.mark.parametrize("name", ["stream", "file", "large"])
async def test_slow_exports_delay_no_other_answer(name):
    site = Site(ENDING_THREADS + 2)
    async with site.asked("export", ENDING_THREADS):
        await until(lambda: house.running == ENDING_THREADS)
        answers = [await site.answer(name) for _ in range(5)]
        assert all(answer.complete and answer.status == 200 for answer in answers)
        assert house.running == ENDING_THREADS


async def test_exports_take_the_threads_of_requests_and_who_may_not_wait_is_refused():
    site = Site(2, waiting=2)
    async with site.asked("export", 4) as (clients, tasks):
        await until(lambda: house.running == 2)
        assert (await site.answer("stream")).status == 503
        house.go_on.set()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
        assert [client.body for client in clients] == [b"begun,ended"] * 4
    assert (await site.answer("stream")).status == 200


async def test_what_finds_no_lane_for_its_rest_is_broken_off(monkeypatch):
    monkeypatch.setattr(threads, "IDLE_SECONDS_OF_EVENTS", 0)
    site = Site(1, waiting=1)
    client, task = site.ask("polls")
    await until(lambda: len(client.messages) == 2)
    async with site.asked("export", 2):
        await until(lambda: house.running == 1)
        house.poll_again.set()
        with pytest.raises(NoLane):
            await asyncio.wait_for(task, PATIENCE)
    assert not client.complete


# Whoever reads slowly


@pytest.mark.parametrize("name", ["stream", "file", "large"])
@pytest.mark.parametrize("reads", [0, 2])
async def test_who_does_not_read_what_is_made_holds_no_thread(name, reads):
    site = Site(3)
    async with site.asked(name, 20, reads=reads):
        answers = [await site.answer(name) for _ in range(5)]
        assert all(answer.complete for answer in answers)


async def test_who_reads_slowly_while_more_is_to_be_made_holds_a_thread_for_a_time(monkeypatch):
    monkeypatch.setattr(threads, "IDLE_SECONDS", 0.05)
    site = Site(1)
    async with site.asked("pieces", 5, reads=1) as (clients, tasks):
        assert (await site.answer("stream")).complete
        for client in clients:
            client.reads_all.set()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
        assert {len(client.body) for client in clients} == {300_000}


async def test_a_stream_of_events_holds_no_thread_between_them(monkeypatch):
    monkeypatch.setattr(threads, "IDLE_SECONDS", 1_000)
    site = Site(1)
    async with site.asked("events", 3) as (clients, tasks):
        await until(lambda: all(len(client.messages) == 2 for client in clients))
        assert (await site.answer("stream")).complete
        house.poll_again.set()
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)
        assert {client.body for client in clients} == {b"data: x\n\n" * 2}

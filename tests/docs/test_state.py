"""docs/state.md, as a reader follows it who has built docs/plugging-in.md, served."""

import json

import httpx
import pytest

from tests.docs.newcomer import Project, served
from tests.docs.pages import block, blocks
from tests.support.cable import BASE, EXTENDED, CableSocket
from tests.support.event_stream import EventSource

PAGE = "docs/state.md"
LOADS = 25
START = """
from threading import Event, Thread
import itertools, time
from library.models import Book
from sync_cable.broker.publisher import publisher
stop = Event()
def write():
    from django.db import connection
    made = []
    while not stop.wait(0.005):
        if len(made) > 50 and len(made) % 3 == 0:
            book = Book.objects.get(pk=made[-40]); book.title = f"again {time.time()}"; book.save()
        made.append(Book.objects.create(reader_id=1, title=f"{time.time()}").pk)
        if len(made) % 100 == 0:  # or each load would take longer than the one before
            Book.objects.filter(pk__lt=made[-100]).delete()
    connection.close()
"""


class State(Project):
    """One of sessions, and then this page, and the streams of docs/events.md."""

    def _build(self, chapters):
        super()._build(chapters)
        for each in (*blocks(PAGE, "python"), *blocks("docs/events.md", "python")):
            self._write(each)


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed_cable, redis_server):
    built = State(tmp_path_factory.mktemp("state"), installed_cable, redis_server, tokens=False)
    with served(built, START) as found:
        yield found


@pytest.fixture(scope="module")
def laura(project):
    with project.logged_in() as client:
        yield client


@pytest.fixture
def writer(project):
    """Two hundred changes a second, from another process."""
    project.type("stop.clear(); thread = Thread(target=write, daemon=True); thread.start()")
    yield
    project.type("stop.set(); thread.join(10)")


def cookie(laura):
    return f"sessionid={laura.cookies['sessionid']}"


def new_book(project):
    return project.type('result = Book.objects.create(reader_id=1, title="Dune").pk')


def state_of(laura):
    """What a page loads: the ids, and the position."""
    answer = laura.get("/books.json")
    assert answer.status_code == 200
    return {book["id"] for book in answer.json()["books"]}, answer.headers["Cable-Position"]


@pytest.mark.parametrize("subprotocols", [BASE, EXTENDED], ids=["base", "extended"])
def test_nothing_is_missed_between_the_state_and_the_cable(project, laura, writer, subprotocols):
    url = f"ws://127.0.0.1:{project.port}/cable"
    for _ in range(LOADS):
        known, position = state_of(laura)
        with CableSocket(url, headers={"Cookie": cookie(laura)}, subprotocols=subprotocols) as socket:
            socket.subscribe(json.dumps({"channel": "NotificationsChannel", "position": position}))
            last = new_book(project)
            now, _ = state_of(laura)
            missing = {pk for pk in now if pk <= last} - known
            # Threads may publish in another order than they save.
            while missing:
                frame = socket.frame()
                missing -= {frame["message"]["id"]} if "message" in frame else set()


def test_a_pull_misses_nothing_either(project, laura, writer):
    known, position = state_of(laura)
    for _ in range(LOADS):
        last = new_book(project)
        answer = laura.get("/cable/changes", params={"position": position})
        assert answer.status_code == 200, answer.text
        found = answer.json()
        known |= {change["id"] for change in found["changes"]}
        assert last in known
        position = found["position"]
    now, _ = state_of(laura)
    assert {pk for pk in now if pk <= last} <= known


def test_a_stream_misses_nothing_either(project, laura, writer):
    known, position = state_of(laura)
    for _ in range(LOADS):
        headers = {"Cookie": cookie(laura), "Last-Event-ID": position}
        with EventSource(f"{project.url}/cable/events", headers=headers) as stream:
            stream.opened()
            last = new_book(project)
            now, _ = state_of(laura)
            while not {pk for pk in now if pk <= last} <= known:
                known.add(stream.message()["id"])
            position = stream.position


def test_a_pull_answers_as_the_page_says(project, laura):
    shown = json.loads(block(PAGE, "json").text)
    begun = laura.get("/cable/changes")
    assert begun.status_code == 204
    book = new_book(project)
    answer = laura.get("/cable/changes", params={"position": begun.headers["Cable-Position"]})
    assert answer.json().keys() == shown.keys()
    assert {"action": "create#books", "id": book} in answer.json()["changes"]
    assert answer.headers["Cable-Position"] == answer.json()["position"]
    tag = {"If-None-Match": answer.headers["ETag"]}
    again = laura.get("/cable/changes", params={"position": answer.json()["position"]}, headers=tag)
    assert again.status_code in {200, 304}  # the first of two reads may have begun a little earlier
    assert again.headers["Cable-Position"] > begun.headers["Cable-Position"]


@pytest.mark.parametrize("position", ["", "x", "x-1", "é-1", f"{'x' * 5_000}-1", "x-99999999999999999999"])
def test_a_position_of_no_use_is_answered_with_refetch_and_one_to_go_on_from(laura, position):
    answer = laura.get("/cable/changes", params={"position": position})
    assert answer.status_code == 409
    assert answer.json() == {"error": "refetch", "position": answer.headers["Cable-Position"]}
    assert laura.get("/cable/changes", params={"position": answer.json()["position"]}).status_code in {
        200,
        204,
    }


def test_a_position_in_the_future_is_refused_by_every_way(project, laura):
    epoch, _, at = laura.get("/cable/changes").headers["Cable-Position"].rpartition("-")
    position = f"{epoch}-{int(at) + 3_600_000_000}"
    assert laura.get("/cable/changes", params={"position": position}).status_code == 409
    identifier = json.dumps({"channel": "NotificationsChannel", "position": position})
    with project.connect(Cookie=cookie(laura)) as socket:
        socket.command("subscribe", identifier)
        assert socket.frame()["type"] == "reject_subscription"
    url = f"ws://127.0.0.1:{project.port}/cable"
    with CableSocket(url, headers={"Cookie": cookie(laura)}, subprotocols=EXTENDED) as socket:
        socket.subscribe(identifier)
        assert socket.frame()["type"] == "reject_history"


def test_who_could_open_no_socket_gets_nothing(project, laura):
    assert httpx.get(f"{project.url}/cable/changes").json() == {"error": "unauthorized"}
    foreign = {"Cookie": cookie(laura), "Origin": "https://evil.example"}
    answer = httpx.get(f"{project.url}/cable/changes", headers=foreign)
    assert (answer.status_code, answer.json()) == (403, {"error": "origin"})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert httpx.post(f"{project.url}/cable/changes").status_code == 405

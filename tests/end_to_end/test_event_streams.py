"""GET /cable/events on a running server: what a websocket has, by the means of HTTP."""

import json
import re
import shutil
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from tests.end_to_end.soak.crowd import publish
from tests.support.event_stream import EventSource, as_a_browser, request_of, stalled_stream
from tests.support.raw import RawSocket
from tests.support.required import missing
from tests.support.site import new_site
from tests.support.waiting import eventually

ORIGIN = "https://app.example"
CAP = 20


@pytest.fixture(scope="module")
def server(site):
    found = site.serve(
        CABLE_MAX_SOCKETS_PER_USER=str(CAP), CABLE_ALLOWED_ORIGINS=ORIGIN, CABLE_REPLAY_LIMIT="20"
    )
    yield found
    found.stop()


@pytest.fixture
def listen(server):
    """listen(person, **headers): a stream that is open."""
    with ExitStack() as stack:

        def open_one(person, params=None, at=server, **headers):
            source = EventSource(
                f"{at.url}/cable/events", headers=as_a_browser(person.token, **headers), params=params
            )
            return stack.enter_context(source)

        yield open_one


def test_a_stream_tells_what_a_websocket_tells(site, server, cooper, listen):
    stream = listen(cooper).opened()
    assert 1_000 <= stream.retry <= 5_000
    with server.connect(cooper) as websocket:
        websocket.subscribe()
        task = site.new_task(cooper)
        assert stream.message() == websocket.message() == {"action": "create#tasks", "id": task}
        updated_at = site.touch(task)
        told = {"action": "update#tasks", "id": task, "updatedAt": updated_at}
        assert stream.message() == websocket.message() == told


def test_its_answer_is_never_stored_or_buffered(cooper, listen):
    headers = listen(cooper).opened().answer.headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Accel-Buffering"] == "no"


def test_nobody_hears_of_what_is_somebody_elses(site, cooper, audrey, listen):
    stream = listen(cooper).opened()
    site.new_task(audrey)
    mine = site.new_task(cooper)
    assert stream.message()["id"] == mine


@pytest.mark.parametrize("way", ["header", "query"])
def test_a_stream_resumes_from_its_last_id(site, cooper, listen, way):
    first = listen(cooper).opened()
    begun = first.position
    known = site.new_task(cooper)
    first.message()
    first.close()
    missed = site.new_task(cooper)
    named = {"Last-Event-ID": begun} if way == "header" else {}
    stream = listen(cooper, params={"position": begun} if way == "query" else None, **named).opened()
    assert stream.position == ""  # until it is told, its client has what it had
    assert [stream.message()["id"], stream.message()["id"]] == [known, missed]
    live = site.new_task(cooper)
    assert stream.message()["id"] == live


def test_the_header_comes_before_the_query_of_the_first_request(site, cooper, listen):
    stream = listen(cooper).opened()
    site.new_task(cooper)
    position = stream.event().id
    resumed = listen(cooper, params={"position": "nonsense"}, **{"Last-Event-ID": position}).opened()
    assert resumed.event().name == "message"  # of the overlap


def test_the_heartbeat_moves_the_position(cooper, listen):
    stream = listen(cooper).opened()
    epoch, _, begun = stream.position.rpartition("-")
    ping = stream.ping()
    assert ping.text == ""
    stream.ping()
    assert stream.position.startswith(f"{epoch}-")
    assert int(stream.position.rpartition("-")[2]) > int(begun)


def positions(server, cooper):
    epoch, _, at = (
        httpx.get(f"{server.url}/cable/changes", headers=as_a_browser(cooper.token))
        .headers["Cable-Position"]
        .rpartition("-")
    )
    return {
        "of another epoch": f"another-{at}",
        "in the future": f"{epoch}-{int(at) + 3_600_000_000}",
        "malformed": "x",
        "not ASCII": "é-1",
        "too long": f"{epoch}-{'1' * 5_000}",
        "a number too large": f"{epoch}-99999999999999999999",
    }


@pytest.mark.parametrize(
    "kind", ["of another epoch", "in the future", "malformed", "not ASCII", "too long", "a number too large"]
)
def test_a_position_of_no_use_is_a_refetch_and_the_stream_goes_on(site, server, cooper, listen, kind):
    position = positions(server, cooper)[kind]
    by_header = listen(cooper, **{"Last-Event-ID": position.encode()}).opened()
    by_query = listen(cooper, params={"position": position}).opened()
    for stream in (by_header, by_query):
        refetch = stream.event()
        assert (refetch.name, refetch.data) == ("refetch", {"reason": "position"})
    task = site.new_task(cooper)
    assert by_header.message()["id"] == by_query.message()["id"] == task
    again = listen(cooper, **{"Last-Event-ID": refetch.id}).opened()
    assert again.message()["id"] == task


def test_a_position_of_60_kilobytes_costs_its_request_only(server, cooper):
    """The head of a request has 16 KiB."""
    answer = httpx.get(f"{server.url}/cable/events", headers={"Last-Event-ID": "x" * 60_000})
    assert answer.status_code == 431
    answer = httpx.get(f"{server.url}/cable/events?position={'x' * 60_000}")
    assert answer.status_code == 431
    many = "&".join(f"p{number}=" for number in range(200))
    answer = httpx.get(f"{server.url}/cable/events?{many}", headers=as_a_browser(cooper.token))
    assert (answer.status_code, answer.json()) == (414, {"error": "uri_too_long"})


def test_the_position_of_another_user_tells_what_is_ones_own(site, cooper, audrey, listen):
    theirs = listen(audrey).opened().position
    site.new_task(audrey)
    mine = site.new_task(cooper)
    assert listen(cooper, **{"Last-Event-ID": theirs}).opened().message()["id"] == mine


def test_more_than_a_replay_holds_is_a_refetch(site, cooper, listen):
    position = listen(cooper).opened().position
    site.shell(
        f"result = [Task.objects.create(user_id={cooper.pk}, label='x').pk for _ in range(30)]; "
        "publisher.flush(5)"
    )
    stream = listen(cooper, **{"Last-Event-ID": position}).opened()
    assert stream.event().data == {"reason": "replay_limit"}


def test_a_client_that_names_itself_is_not_told_of_its_own(site, cooper, listen):
    own, others = listen(cooper, params={"client": "tab-1"}).opened(), listen(cooper).opened()
    made = site.shell(
        f"""
from notifications.ground.echo import changes_of
with changes_of("tab-1"):
    mine = Task.objects.create(user_id={cooper.pk}, label="mine").pk
theirs = Task.objects.create(user_id={cooper.pk}, label="theirs").pk
publisher.flush(5)
result = [mine, theirs]
"""
    )
    assert [others.message()["id"], others.message()["id"]] == made
    assert own.message()["id"] == made[1]


# Who gets none


def test_without_a_right_it_is_401(server):
    answer = httpx.get(f"{server.url}/cable/events")
    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})


def test_an_expired_token_is_told_so(site, server):
    person = site.new_person(lifetime=-1)
    answer = httpx.get(f"{server.url}/cable/events", headers=as_a_browser(person.token))
    assert (answer.status_code, answer.json()) == (401, {"error": "token_expired"})


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        # An image on a foreign page, which browsers send with the cookie and without an Origin.
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_foreign_page_gets_none(server, cooper, headers):
    answer = httpx.get(f"{server.url}/cable/events", headers=as_a_browser(cooper.token, **headers))
    assert (answer.status_code, answer.json()) == (403, {"error": "origin"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_foreign_host_gets_none(server, cooper):
    answer = httpx.get(f"{server.url}/cable/events", headers=as_a_browser(cooper.token, Host="evil.example"))
    assert (answer.status_code, answer.json()) == (403, {"error": "host"})


def test_a_page_of_an_allowed_origin_may_read_it(server, cooper, listen):
    headers = listen(cooper, Origin=ORIGIN).opened().answer.headers
    assert headers["Access-Control-Allow-Origin"] == ORIGIN
    assert headers["Access-Control-Allow-Credentials"] == "true"
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "GET"}
    preflight = httpx.options(f"{server.url}/cable/events", headers=asked)
    assert preflight.status_code == 204
    assert "Last-Event-ID" in preflight.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "DELETE"])
def test_it_is_only_read(server, cooper, method):
    answer = httpx.request(method, f"{server.url}/cable/events", headers=as_a_browser(cooper.token))
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert answer.headers["Content-Type"] == "application/json"
    assert not answer.content if method == "HEAD" else answer.json() == {"error": "method_not_allowed"}


def test_a_thousand_streams_of_one_user_are_as_many_as_a_user_may_have(site, server, listen):
    """Raw: a thousand clients of httpx would take longer than the server."""
    greedy, other = site.new_person(), site.new_person()
    with ExitStack() as stack:
        clients = [stack.enter_context(asking(server, greedy)) for _ in range(1_000)]
        answers = [status_of(client) for client in clients]
        assert answers.count(200) == CAP
        assert answers.count(429) == 1_000 - CAP
        task = site.new_task(other)
        stream = listen(other).opened()
        assert stream.position
        assert site.touch(task)
        assert stream.message()["id"] == task
        refused = httpx.get(f"{server.url}/cable/events", headers=as_a_browser(greedy.token))
        assert refused.json() == {"error": "limit_exceeded"}
    assert listen_again(listen, greedy)


def asking(server, person):
    client = socket.create_connection(("127.0.0.1", server.port))
    client.settimeout(60)
    client.sendall(request_of(person.token))
    return client


def status_of(client):
    return int(client.recv(12).split()[1])


def listen_again(listen, person):
    """Once the server has seen that the others left."""
    return eventually(lambda: listen(person).status == 200, 10, "room for another stream")


# How it ends


def ends_with(stream, reason, *, reconnect):
    event = stream.event()
    while event is not None and event.name == "message":
        event = stream.event()
    assert (event.name, event.data) == ("disconnect", {"reason": reason, "reconnect": reconnect})
    assert stream.block() is None
    assert not stream.cut
    return stream.retry


def test_a_revoked_token_ends_its_stream_at_once(site, cooper, listen):
    """The next reconcile of this site is an hour away."""
    stream = listen(cooper).opened()
    site.shell(
        f"""
from lessy.accounts import tokens
from lessy.accounts.models import AccessToken
from notifications import disconnect
AccessToken.objects.filter(user_id={cooper.pk}).delete()
disconnect({cooper.pk}, reconnect=False)
publisher.flush(5)
result = None
"""
    )
    ends_with(stream, "remote", reconnect=False)
    assert listen(cooper).status == 401


def test_a_right_that_expires_ends_its_stream(site, listen):
    stream = listen(site.new_person(lifetime=6)).opened()
    ends_with(stream, "token_expired", reconnect=False)


def test_a_drain_tells_each_stream_to_come_back_at_a_time_of_its_own(site, listen):
    server = site.serve()
    people = site.new_people(10)
    streams = [listen(person, at=server).opened() for person in people]
    server.child.signal(signal.SIGTERM)
    retries = {ends_with(stream, "server_restart", reconnect=True) for stream in streams}
    assert len(retries) > 1
    assert server.child.process.wait(15) == 0


def test_who_comes_during_a_drain_is_told_to_come_back_by_an_event(site, listen):
    """A status would be the end of an EventSource."""
    server = site.serve(["serve", "--bind", "127.0.0.1:{port}", "--drain", "8"])
    people = site.new_people(20)
    for person in people:
        listen(person, at=server).opened()
    server.child.signal(signal.SIGTERM)
    server.wait_for_log("draining for")
    late = listen(people[0], at=server)
    assert late.status == 200
    ends_with(late, "server_restart", reconnect=True)
    server.stop()


def test_a_client_that_never_reads_is_closed_and_costs_the_others_nothing(site, server, cooper, listen):
    stalled = stalled_stream(server.port, cooper.token)
    stream = listen(cooper).opened()
    count = 600
    with ThreadPoolExecutor(1) as executor:
        publishing = executor.submit(publish, site.shell, [cooper], count, 20_000, 0.002)
        for _ in range(count):
            stream.message()
        publishing.result()
    server.wait_for_log("over the limit of outbox")
    eventually(lambda: not stalled.connected, 5, "the end of its connection")
    stalled.close()


def test_what_follows_the_request_is_not_stored(server, cooper):
    """A client that talks after its GET: the rest waits in the kernel."""
    client = asking(server, cooper)
    assert status_of(client) == 200
    client.settimeout(1)
    with client, pytest.raises(TimeoutError):
        client.sendall(b"x" * 64 * 1024 * 1024)


def test_a_database_that_is_away_is_no_end_for_a_browser(redis_server, listen):
    with new_site(redis_server) as site:
        [server] = site.servers
        person = site.new_person()
        site.shell("from django.db import connection\nconnection.cursor().execute('ALTER TABLE "
                   "accounts_accesstoken RENAME TO away'); result = None")  # fmt: skip
        stream = listen(person, at=server)
        assert stream.status == 200
        ends_with(stream, "unavailable", reconnect=True)


# curl, and HTTP/1.0


def test_curl_reads_it(site, server, cooper):
    curl = shutil.which("curl") or missing("curl")
    url = f"{server.url}/cable/events"
    command = [curl, "--no-buffer", "--silent", "--cookie", f"Authorization={cooper.token}", url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert re.fullmatch(r"retry: \d{4}\n", process.stdout.readline())
        assert process.stdout.readline().startswith("id: ")
        task = site.new_task(cooper)
        data = next(line for line in process.stdout if line.startswith("data: "))
        assert json.loads(data.removeprefix("data: ")) == {"action": "create#tasks", "id": task}
        process.terminate()


def test_http_1_0_has_no_chunks(site, server, cooper):
    client = RawSocket(server.port)
    client.send(f"GET /cable/events HTTP/1.0\r\nCookie: Authorization={cooper.token}\r\n"
                "Host: 127.0.0.1\r\n\r\n".encode())  # fmt: skip
    client.hear(b"retry: ")
    task = site.new_task(cooper)
    client.hear(b'"create#tasks","id":%d}\n\n' % task)
    assert b"chunked" not in client.heard
    client.close()

"""Requests that never end, or are too large, end by themselves."""

import pytest

from tests.support.raw import RawSocket
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def server(site):
    return site.serve(SERVER_REQUEST_SECONDS="1", SERVER_REQUEST_BYTES="100000", SERVER_RESPONSE_SECONDS="2")


@pytest.fixture
def raw(server):
    socket = RawSocket(server.port)
    yield socket
    socket.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /cable HT",
        b"GET /cable HTTP/1.1\r\nUpgrade: web",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
    ],
)
def test_a_request_that_trickles_in_is_cut_off(server, raw, begun):
    raw.send(begun)

    def still_takes_bytes():
        try:
            raw.send(b"x")
        except ConnectionError:
            return False
        return raw.connected

    eventually(lambda: not still_takes_bytes(), 20, "the end of the connection")
    server.wait_for_log("did not finish its request: over the limit of request_seconds")


def test_a_connection_that_is_kept_alive_may_idle_longer_than_a_request_may_take(raw):
    for _ in range(3):
        raw.send(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        raw.hear(b'"ok"}')
        raw.heard = b""
        raw.socket.settimeout(1.5)
        with pytest.raises(TimeoutError):
            raw.socket.recv(1)


def test_a_body_that_is_too_large_is_refused_in_the_format_of_the_api(server, cooper):
    answer = server.request("POST", "/api/users/me/tasks", cooper, content=b"x" * 3_000_000)
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["code"] == "content_too_large"


def test_a_body_within_the_limit_is_taken(server, cooper):
    task = {"task": {"label": "buy tea", "description": "x" * 50_000}}
    answer = server.request("POST", "/api/users/me/tasks", cooper, json=task)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(5 * (b"X: " + b"x" * 5_000 + b"\r\n"), id="many long lines"),
        pytest.param(b"Cookie: Authorization=" + b"x" * 200_000, id="one line that does not end"),
        pytest.param(b"Cookie: a=" + b"x" * 17_000 + b"\r\n\r\n", id="one line that is too long"),
        pytest.param(600 * b"X: x\r\n" + b"\r\n", id="too many lines"),
    ],
)
def test_c8_a_head_that_is_too_long_is_refused_by_name(server, raw, head):
    raw.send(b"GET /cable HTTP/1.1\r\nHost: 127.0.0.1\r\n" + head)
    raw.hear_the_end()
    assert raw.heard.startswith(b"HTTP/1.1 431 "), raw.heard[:200]
    assert b'"code": "headers_too_large"' in raw.heard
    server.wait_for_log("over the limit of head_bytes")


@pytest.mark.parametrize("hosts", [b"", b"Host: 127.0.0.1\r\nHost: evil.example\r\n"])
def test_c8_a_request_without_one_host_is_refused(raw, hosts):
    raw.send(b"GET /health/live HTTP/1.1\r\n" + hosts + b"\r\n")
    raw.hear(b'"code": "bad_request"')
    assert raw.heard.startswith(b"HTTP/1.1 400 ")


def test_c8_a_chunked_body_is_taken(server, cooper):
    body = b'{"task": {"label": "buy tea"}}'
    answer = server.request("POST", "/api/users/me/tasks", cooper, content=iter([body[:9], body[9:]]))
    assert answer.status_code == 201, answer.text


# Each is more than the kernel keeps for a client that does not read: a streamed answer, and a whole one.
STREAMED = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
WHOLE = "/api/users/me/projects"
UNREAD = 20


MANY_PROJECTS = """
from lessy.accounts.models import User
from projects.models import Project
from projects.services import project_create
for number in range(30):
    name = "Read " + "abcdefghij"[number // 10] + "abcdefghij"[number % 10]
    project = project_create(user=User.objects.get(pk={pk}), name=name)
    Project.objects.filter(pk=project.pk).update(description="x" * 20_000)
"""


@pytest.fixture(scope="module")
def author(site):
    """Of projects whose list has half a MiB."""
    person = site.new_person()
    site.shell(MANY_PROJECTS.format(pk=person.pk))
    return person


@pytest.fixture(params=[STREAMED, WHOLE])
def unread(request, server, author):
    """Twenty requests at once, from a client that reads nothing; and how many of them were answered."""

    def answered():
        return sum(f"GET {request.param} 200" in line for line in server.child.log.splitlines()) - before

    before = 0
    before = answered()
    raw = RawSocket(server.port, receive_buffer=4_096)
    head = f"GET {request.param} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {author.token}\r\n\r\n"
    raw.send(UNREAD * head.encode())
    yield raw, answered
    raw.close()


def test_c7_answers_that_nobody_reads_are_not_made(server, unread):
    raw, answered = unread
    eventually(lambda: not raw.connected, 10, "the end of its connection")
    server.wait_for_log("that does not read its answer: over the limit of response_seconds")
    # Some fit into the kernel's buffers.
    assert answered() < UNREAD // 2


def test_c7_who_reads_slowly_gets_every_answer(unread):
    raw, answered = unread
    for _ in range(UNREAD):
        raw.hear(b"HTTP/1.1 200 OK").heard = b""
    eventually(lambda: answered() >= UNREAD, 30, "every answer")

"""Requests that never end, or are too large, end by themselves."""

import pytest

from tests.support.raw import RawSocket
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def server(site):
    return site.serve(SERVER_REQUEST_SECONDS="1", SERVER_REQUEST_BYTES="100000")


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
        b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
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

    eventually(lambda: not still_takes_bytes(), 5, "the end of the connection")
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


def test_a_head_that_is_too_long_is_refused(raw):
    raw.send(b"GET / HTTP/1.1\r\n" + 5 * (b"X: " + b"x" * 5_000 + b"\r\n"))
    raw.hear(b"400 Bad Request")

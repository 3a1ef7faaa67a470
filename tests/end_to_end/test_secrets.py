"""A token never appears in a log line, in what Redis is told, or on an error page."""

import base64
import socket as sockets
import threading
from contextlib import contextmanager

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests.support.cable import CableSocket
from tests.support.redis import RedisServer
from tests.support.site import new_site
from tests.support.waiting import eventually


def parts_of(token):
    """The token, and what of it is as good: none may be seen, on a line of its own or cut off."""
    _header, payload, signature = token.split(".")
    return [token, f"{payload}.", signature, signature[:20]]


def assert_hidden(token, *texts):
    for text in texts:
        for part in parts_of(token):
            assert part not in text, text[max(0, text.find(part) - 500) :][:1000]


class Monitor:
    """Redis' own record of every command that it is sent, while the test runs."""

    def __init__(self, redis: RedisServer) -> None:
        self._socket = sockets.create_connection(("127.0.0.1", redis.port))
        self._socket.sendall(b"MONITOR\r\n")
        self.text = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while data := self._socket.recv(65536):
            self.text += data.decode(errors="replace")

    def close(self) -> None:
        self._socket.shutdown(sockets.SHUT_RDWR)
        self._reader.join()
        self._socket.close()


@contextmanager
def refused():
    with pytest.raises(InvalidStatus):
        yield


def connect_in_every_way(server, person):
    token = person.token
    basic = base64.b64encode(f"token:{token}".encode()).decode()
    server.connect(person).close()
    for header in (token, f"Bearer {token}", f"Basic {basic}"):
        server.connect(headers={"Authorization": header}).close()
    for spoiled in (token[:-3], f"{token}x", f"%22{token}", f"{token}; Authorization={token}"):
        server.connect(token=spoiled, welcomed=False).close()
    server.connect(query=f"?token={token}", welcomed=False).close()
    with refused():
        server.connect(person, origin="https://evil.example")
    with refused():
        CableSocket(f"{server.cable_url}x", token=token)
    server.connect(subprotocols=["actioncable-v1-ext-json", f"anycable-token.{token}"]).close()


def speak_nonsense(server, person):
    with server.connect(person) as socket:
        socket.subscribe()
        for text in ("nonsense", "[", '{"command":"subscribe","identifier":"{\\"channel\\":5}"}'):
            socket.socket.send(text)
        socket.assert_nothing_came()
        socket.socket.send("x" * 70_000)
        assert socket.frame()["reason"] == "limit_exceeded"


def call_the_api(server, person):
    for method, path in [
        ("GET", "/api/users/me/tasks"),
        ("GET", f"/api/users/me/tasks?token={person.token}"),
        ("POST", "/api/users/me/tasks"),
        ("GET", "/api/nowhere"),
        ("PATCH", "/api/tasks/0"),
    ]:
        assert server.request(method, path, person).status_code < 500
    httpx.get(f"{server.url}/api/users/me/tasks", headers={"Authorization": f"Bearer {person.token}x"})


@pytest.fixture
def verbose_site(new_redis):
    with new_site(new_redis, servers=0) as found:
        yield found


def serve(site, hook, **env):
    return site.serve(DJANGO_SETTINGS_MODULE="tests.support.verbose_settings", LESSY_TEST_HOOK=hook, **env)


def test_a_token_is_neither_logged_nor_told_to_redis(verbose_site, new_redis):
    site, person = verbose_site, verbose_site.new_person(password="secret")
    server = serve(site, "failing_view", CABLE_METRICS_TOKEN="of-the-operator", CABLE_SUBPROTOCOL_TOKEN="on")
    monitor = Monitor(new_redis)
    connect_in_every_way(server, person)
    speak_nonsense(server, person)
    call_the_api(server, person)
    body = {"username": person.username, "password": "secret"}
    issued = server.request("POST", "/api/users/authorizations", json=body).json()["meta"]["token"]
    with server.connect(person) as socket:
        socket.subscribe()
        site.new_task(person)
        socket.message()
        server.request("DELETE", "/api/users/authorizations?all=true", person)
        assert socket.frame()["reason"] == "remote"
    scraped = httpx.get(f"{server.url}/metrics", headers={"Authorization": "Bearer of-the-operator"})
    assert scraped.status_code == 200
    eventually(lambda: f"user.{person.pk}" in monitor.text, 10, "word to the user's group")
    monitor.close()
    assert "ignored a frame" in server.child.log, "this log holds no debug lines"
    for token in (person.token, issued):
        assert_hidden(token, server.child.log, monitor.text, scraped.text)


@pytest.mark.parametrize("debug", ["on", "off"])
def test_an_error_shows_no_token_even_to_a_developer(verbose_site, debug):
    person = verbose_site.new_person()
    server = serve(verbose_site, "failing_view", DJANGO_DEBUG=debug)
    answer = server.request("GET", "/api/users/me", person, cookies={"Authorization": person.token})
    assert answer.status_code == 500
    assert_hidden(person.token, answer.text, server.child.log)
    assert "of 2 variables" in server.child.log


def test_an_authenticator_that_fails_shows_no_token(verbose_site):
    person = verbose_site.new_person()
    server = serve(verbose_site, "failing_authentication")
    with server.connect(person, welcomed=False) as socket:
        assert socket.close_code() == 1011
    assert_hidden(person.token, server.child.log)

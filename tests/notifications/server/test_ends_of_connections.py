"""
How a connection ends, whatever its application does. Each test has a real server in a process of its own.

Once a second daphne looks at every connection: it removes those that have ended, and answers for applications
that failed.
"""

import os
import sys

import pytest

from tests.support.processes import Child, free_port
from tests.support.raw import RawSocket

PROGRAM = """
import sys
import django
django.setup()
from notifications.server import http, server

class CheckedAtOnce(server.Server):
    # In the turn of the loop after the application's last: a refusal is on its way then, and its connection
    # has not ended.
    def create_application(self, protocol, scope):
        queue = super().create_application(protocol, scope)
        task = self.connections[protocol]["application_instance"]
        task.add_done_callback(lambda _: self.application_checker())
        return queue

async def application(scope, receive, send):
    await receive()
    if scope["path"] == "/refused":
        await send({"type": "websocket.close"})
        return
    if scope["path"] == "/whole":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await send({"type": "http.response.body", "body": b"whole"})
        return
    if scope["path"] == "/half":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("the application failed")

if "--impatient" in sys.argv:
    http.IDLE_SECONDS = 1.5
if "--checked-at-once" in sys.argv:
    server.Server = CheckedAtOnce
server.serve(application, bind=sys.argv[1], drain_seconds=0, access_logger="a", on_listening=lambda: None)
"""
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.fixture
def new_server():
    children = []

    def start(*options):
        port = free_port()
        env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
        child = Child([sys.executable, "-c", PROGRAM, f"127.0.0.1:{port}", *options], env=env)
        children.append(child)
        child.wait_until_it_answers(port)
        child.port = port
        return child

    yield start
    for child in children:
        child.stop()


def asked(server, path, headers=""):
    raw = RawSocket(server.port)
    raw.send(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
    return raw


def test_a_refused_handshake_may_be_removed_before_its_connection_ends(new_server):
    server = new_server("--checked-at-once")
    for _ in range(3):
        raw = asked(server, "/refused", UPGRADE)
        raw.hear(b"HTTP/1.1 403").hear_the_end()
        raw.close()
    assert "Traceback" not in server.log, server.log


def test_half_an_answer_is_broken_off_and_the_next_failures_are_answered_for(new_server):
    server = new_server()
    half = asked(server, "/half")
    with pytest.raises(ConnectionResetError):
        half.hear(b"half").hear(b"\r\n0\r\n\r\n")
    half.close()
    for headers in ("", UPGRADE):
        raw = asked(server, "/failed", headers)
        raw.hear(b"HTTP/1.1 500 Internal")
        raw.close()
    assert server.log.count("Exception inside application: the application failed") == 3
    assert "while handling timed call" not in server.log


def test_a_connection_that_idles_after_an_answer_is_closed(new_server):
    raw = asked(new_server("--impatient"), "/whole")
    raw.hear(b"whole").hear_the_end()
    raw.close()

"""A handshake that the application refuses, on a real server of its own process."""

import os
import sys

import pytest

from tests.support.processes import Child, free_port
from tests.support.raw import RawSocket

# daphne removes what has ended once a second. Here it does so in the turn of the loop after the application's
# last: the refusal is on its way, and the connection has not ended.
PROGRAM = """
import sys
import django
django.setup()
from notifications.server import server

class Server(server.Server):
    def create_application(self, protocol, scope):
        queue = super().create_application(protocol, scope)
        task = self.connections[protocol]["application_instance"]
        task.add_done_callback(lambda _: self.application_checker())
        return queue

async def refuse(scope, receive, send):
    await receive()
    await send({"type": "websocket.close"})

server.Server = Server
server.serve(refuse, bind=sys.argv[1], drain_seconds=0, access_logger="access", on_listening=lambda: None)
"""


@pytest.fixture
def port():
    found = free_port()
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    child = Child([sys.executable, "-c", PROGRAM, f"127.0.0.1:{found}"], env=env)
    try:
        child.wait_until_it_answers(found)
        yield found
    finally:
        child.stop()
    assert "Traceback" not in child.log, child.log


def test_a_refusal_that_daphne_removes_before_its_connection_ends_fails_nothing(port):
    for _ in range(3):
        raw = RawSocket(port)
        raw.ask("no token")
        raw.hear(b"HTTP/1.1 403").hear_the_end()
        raw.close()

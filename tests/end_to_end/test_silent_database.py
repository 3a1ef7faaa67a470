"""
PostgreSQL behind a network that swallows: connections stand, their peer acknowledges every byte, and nothing
comes back, ever. No time-out of TCP helps there.
"""

import pytest
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.faults.harness.world import proxy_before
from tests.support.cable import EXTENDED
from tests.support.postgres import new_postgres
from tests.support.site import Site
from tests.support.waiting import eventually

CHANGE = """
from django.utils import timezone
from tasks.models import Task
Task.objects.filter(pk={pk}).update(updated_at=timezone.now())
"""


@pytest.fixture(scope="module")
def database():
    with new_postgres() as server:
        yield server


@pytest.fixture
def proxy(database):
    with proxy_before(database.port) as found:
        yield found


@pytest.fixture
def site(database, redis_server):
    found = Site(database.url, redis_server)
    yield found
    found.close()


@pytest.fixture
def server(site, database, proxy):
    return site.serve(
        DATABASE_URL=database.url.replace(str(database.port), str(proxy.port)),
        CABLE_RECONCILE_INTERVAL="1",
        CABLE_READ_TIMEOUT="1",
    )


def changed_without_a_signal(site, task):
    site.shell(CHANGE.format(pk=task))


def readiness(server):
    return server.request("GET", "/health/ready").json()


def welcomed(server, person):
    try:
        with server.connect(person, welcomed=False) as socket:
            return socket.frame().get("type") == "welcome"
    except (ConnectionClosed, TimeoutError):
        return False


def test_a1_d3_connections_that_fall_silent_are_replaced(site, server, proxy):
    cooper = site.new_person()
    with server.connect(cooper) as socket:
        socket.subscribe()
        task = site.new_task(cooper)
        assert socket.message() == {"action": "create#tasks", "id": task}
        proxy.on_its_loop(proxy.silence)
        changed_without_a_signal(site, task)
        found = socket.message(15)
        assert (found["action"], found["id"]) == ("update#tasks", task)
    eventually(lambda: welcomed(server, cooper), 15, "a handshake that is answered")
    eventually(lambda: readiness(server)["status"] == "ok", 15, "readiness")
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.subscribe(history={"since": 1})
        assert {frame["message"]["id"] for frame in socket.until("confirm_history")} == {task}
    assert server.stop() == 0  # 1 where a thread had to be left behind


def test_a1_readiness_ends_while_no_read_is_answered_and_returns(site, server, proxy):
    cooper = site.new_person()
    with server.connect(cooper) as socket:
        socket.subscribe()
        task = site.new_task(cooper)
        assert socket.message()["id"] == task
        proxy.on_its_loop(proxy.swallow)
        changed_without_a_signal(site, task)
        eventually(lambda: readiness(server)["certain"] is False, 20, "the word that passes are late")
        assert readiness(server)["reconciled_age_seconds"] > 1
        proxy.on_its_loop(proxy.heal)
        found = socket.message(15)
        assert (found["action"], found["id"]) == ("update#tasks", task)
    eventually(lambda: readiness(server)["status"] == "ok", 15, "readiness")
    assert server.stop() == 0  # 1 where a thread had to be left behind

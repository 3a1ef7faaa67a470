"""Behind a real PgBouncer in transaction mode, where no connection belongs to anybody for long."""

import json

import pytest

from tests.support.cable import EXTENDED, confirmed
from tests.support.pgbouncer import pgbouncer
from tests.support.postgres import new_postgres
from tests.support.site import Site

# More than one page (history.PAGE) of rows that only the tables tell of.
ROWS = 1_500
PLANT = """
from django.utils import timezone
from tasks.models import Task
now = timezone.now()
Task.objects.bulk_create([
    Task(user_id={pk}, label=f"task {{number}}", order=number, created_at=now, updated_at=now)
    for number in range({rows})
])
"""
SUBSCRIBERS = 7


@pytest.fixture(scope="module")
def site(redis_server):
    with new_postgres() as database, pgbouncer(database) as url:
        # Migrations and shells connect directly; the server by way of the pooler.
        found = Site(database.url, redis_server)
        found.pooled = url
        yield found
        found.close()


@pytest.fixture(scope="module")
def server(site):
    return site.serve(DATABASE_URL=site.pooled, CABLE_REPLAY_LIMIT="2000", CABLE_RECONCILE_INTERVAL="1")


@pytest.fixture(scope="module")
def cooper(site):
    person = site.new_person()
    site.shell(PLANT.format(pk=person.pk, rows=ROWS))
    return person


def told(frames):
    return len({frame["message"]["id"] for frame in frames})


def test_d1_every_since_subscribe_is_answered(server, cooper):
    identifier = json.dumps({"channel": "NotificationsChannel", "since": 1})
    sockets = [server.connect(cooper) for _ in range(SUBSCRIBERS)]
    for socket in sockets:
        socket.command("subscribe", identifier)
    for socket in sockets:
        assert socket.frame(20) == confirmed(identifier)
        assert told(socket.frame() for _ in range(ROWS)) == ROWS
        socket.close()


def test_d1_a_resume_is_answered(server, cooper):
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.subscribe(history={"since": 1})
        assert told(socket.until("confirm_history")) == ROWS


def test_d1_the_reconcile_reads_page_by_page(site, server):
    audrey = site.new_person()
    with server.connect(audrey) as socket:
        socket.subscribe()
        site.shell(PLANT.format(pk=audrey.pk, rows=ROWS))
        assert told(socket.frame(20) for _ in range(ROWS)) == ROWS

"""
A cluster in production with nothing but PostgreSQL: what one process commits, the clients of another hear by
LISTEN and NOTIFY. And what becomes of it when PostgreSQL, or the connection that listens, goes.
"""

import json

import psycopg
import pytest

from tests.end_to_end.faults.harness.world import proxy_before
from tests.end_to_end.test_commands import received, receiving, run, stats, tailing
from tests.end_to_end.test_rights import REMOTE, assert_ended
from tests.support.cable import EXTENDED
from tests.support.pgbouncer import pgbouncer
from tests.support.postgres import new_postgres
from tests.support.site import Site
from tests.support.waiting import eventually

PRODUCTION = {"DJANGO_DEBUG": "off", "CABLE_RECONCILE_INTERVAL": "3600"}
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = 'cable' AND pid <> pg_backend_pid()
"""


@pytest.fixture(scope="module")
def database():
    with new_postgres() as server:
        yield server


@pytest.fixture(scope="module")
def site(database):
    found = Site(database.url, None, **PRODUCTION)
    for _ in range(2):
        found.serve()
    yield found
    found.close()


@pytest.fixture(autouse=True)
def ready(site):
    """Each test finds both servers well, whatever the one before it broke."""
    for server in site.servers[:2]:
        eventually(lambda server=server: readiness(server)["status"] == "ok", 20, "readiness")


@pytest.fixture
def proxy(database):
    with proxy_before(database.port) as found:
        yield found


def readiness(server):
    return server.request("GET", "/health/ready").json()


def new_task(server, person, text="buy tea"):
    answer = server.request(
        "POST", "/api/users/me/tasks", person, json={"task": {"label": "buy tea", "description": text}}
    )
    return answer.json()["data"]["id"]


def test_what_one_process_commits_the_clients_of_another_hear(site, server, other_server, cooper, audrey):
    with other_server.connect(cooper) as socket, server.connect(audrey) as hers:
        socket.subscribe()
        hers.subscribe()
        for create in (lambda: new_task(server, cooper), lambda: site.new_task(cooper)):
            task = create()
            assert socket.message() == {"action": "create#tasks", "id": task}
        updated = site.touch(task)
        assert socket.message() == {"action": "update#tasks", "id": task, "updatedAt": updated}
        hers.assert_nothing_came()


def test_more_changes_than_one_notification_holds_arrive_in_order(site, other_server, cooper):
    """Of one transaction: an event of 300 changes has four times 8,000 bytes."""
    with other_server.connect(cooper) as socket:
        socket.subscribe()
        site.shell(
            "with transaction.atomic():\n"
            f"    result = [Task.objects.create(user_id={cooper.pk}, label='x').pk for _ in range(300)]\n"
            "publisher.flush(5)"
        )
        found = [socket.message()["id"] for _ in range(300)]
        assert found == sorted(found)
        assert len(set(found)) == 300


def test_stats_tail_and_orders_work_as_with_redis(site, server, other_server, cooper):
    with server.connect(cooper) as one, other_server.connect(cooper) as two:
        one.subscribe()
        two.subscribe()
        found = stats(site)
        assert len(found["processes"]) == 2
        assert [cooper.pk, 2] in found["totals"]["by_user"]
        with tailing(site, "--user", cooper.username, "--count", "1") as tail:
            task = site.new_task(cooper)
            assert tail.process.wait(10) == 0
            assert f'{{"action":"create#tasks","id":{task}}}' in tail.log
        one.message(), two.message()
        code, output, errors = run(site, "cable_disconnect", "--user", cooper.username, "--json")
        report = json.loads(output)
        assert (code, report["listening"], report["sockets"]) == (0, 2, 2), errors
        assert_ended([one, two], REMOTE)


def test_what_a_connection_received_is_told_as_with_redis(site, database, server, cooper):
    with server.connect(cooper) as socket, receiving(site, cooper, server) as tail:
        socket.subscribe()
        task = site.new_task(cooper)
        assert socket.message()["id"] == task
        assert received(tail, 1) == [("create", task, "live")]
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute(TERMINATE)
        eventually(lambda: "PostgreSQL is back" in tail.log, 20, "the word that it is back")
        other = site.new_task(cooper)
        while socket.message(10)["id"] != other:
            pass
        assert other in [pk for _, pk, _ in received(tail, 2)]


def test_a_renewed_epoch_is_known_everywhere_at_once(site, other_server, cooper):
    with other_server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.subscribe()
    code, output, errors = run(site, "cable_renew_epoch", "--json")
    assert (code, json.loads(output)["listening"]) == (0, 2), errors


def test_the_connections_that_listen_are_terminated_and_nothing_is_lost(
    site, database, server, other_server, cooper
):
    with other_server.connect(cooper) as socket:
        socket.subscribe()
        tasks = []
        with psycopg.connect(database.url, autocommit=True) as connection:
            for _ in range(3):
                [(count,)] = connection.execute(TERMINATE).fetchall()
                assert count >= 1
                tasks += [new_task(server, cooper), site.new_task(cooper)]
        found = set()
        while found != set(tasks):
            found.add(socket.message(10)["id"])
    other_server.wait_for_log("the broker no longer answers")


def test_postgresql_restarts_and_nothing_is_lost(site, database, server, other_server, cooper):
    with other_server.connect(cooper) as socket:
        socket.subscribe()
        before = site.new_task(cooper)
        site.close_shell()
        database.stop()
        eventually(lambda: readiness(other_server)["broker"] is False, 10, "the word that it is away")
        database.start()
        # Committed before anybody listens again, perhaps.
        after = site.new_task(cooper)
        found = set()
        while not {before, after} <= found:
            found.add(socket.message(15)["id"])


def test_a_broker_that_falls_silent_is_replaced_and_nothing_is_lost(site, database, cooper, proxy):
    """Half-open: the tables answer, the connection that listens does not, and no time-out of TCP helps."""
    behind = database.url.replace(str(database.port), str(proxy.port))
    server = site.serve(CABLE_BROKER_URL=behind)
    try:
        eventually(lambda: readiness(server)["broker"], 20, "the broker")
        with server.connect(cooper) as socket:
            socket.subscribe()
            first = site.new_task(cooper)
            assert socket.message()["id"] == first
            proxy.on_its_loop(proxy.swallow)
            missed = site.new_task(cooper)
            # No request waits for it: it is answered before the connection heals.
            own = new_task(server, cooper)
            eventually(lambda: readiness(server)["broker"] is False, 15, "the word that it is away")
            proxy.on_its_loop(proxy.heal)
            found = set()
            while not {missed, own} <= found:
                found.add(socket.message(20)["id"])
    finally:
        site.servers.remove(server)
        assert server.stop() == 0


def test_behind_pgbouncer_the_broker_has_an_address_of_its_own(site, database, cooper):
    with pgbouncer(database) as pooled:
        code, _, errors = run(site, "check", "--database", "default", DATABASE_URL=pooled)
        assert (code, "sync_cable.E023" in errors, "BROKER_URL" in errors) == (1, True, True)
        direct = {"DATABASE_URL": pooled, "CABLE_BROKER_URL": database.url}
        code, _, errors = run(site, "check", "--database", "default", **direct)
        assert code == 0, errors
        server = site.serve(**direct)
        try:
            eventually(lambda: readiness(server)["status"] == "ok", 20, "readiness")
            with server.connect(cooper) as socket:
                socket.subscribe()
                task = site.new_task(cooper)
                assert socket.message()["id"] == task
        finally:
            site.servers.remove(server)
            server.stop()


def test_behind_pgbouncer_alone_the_log_says_what_is_wrong_and_the_tables_tell(site, database, cooper):
    with pgbouncer(database) as pooled:
        server = site.serve(DATABASE_URL=pooled, CABLE_RECONCILE_INTERVAL="1")
        try:
            eventually(lambda: "BROKER_URL" in server.child.log, 15, "the word of the pooler")
            assert readiness(server)["broker"] is False
            with server.connect(cooper) as socket:
                socket.subscribe()
                task = site.new_task(cooper)
                assert socket.message(15)["id"] == task
        finally:
            site.servers.remove(server)
            server.stop()

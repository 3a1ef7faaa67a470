"""What is written past Django is told at once where the triggers are; by a Redis deployment here."""

import psycopg
import pytest

from notifications.operations.triggers import triggers
from tests.end_to_end.test_commands import run
from tests.support.databases import _postgres
from tests.support.site import Site
from tests.support.waiting import eventually

INSERT = """
INSERT INTO tasks_task (user_id, label, "order", state, planned_count, started_at, created_at, updated_at)
VALUES ({pk}, 'by SQL', 1000, 'started', 0, now(), now(), now()) RETURNING id
"""
LISTENING = "query = 'LISTEN sync_cable_wake' OR query = 'SELECT 1'"


@pytest.fixture(scope="module")
def site(redis_server, postgres_server):
    with _postgres(postgres_server.url) as url:
        found = Site(url, redis_server, CABLE_RECONCILE_INTERVAL="3600", CABLE_TRIGGERS="on")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(found.manage("cable_triggers"))
        found.serve()
        yield found
        found.close()


@pytest.fixture
def sql(site):
    """sql(statement): its rows, by a program that knows nothing of Django."""
    with psycopg.connect(site.env["DATABASE_URL"], autocommit=True) as connection:

        def sql(statement):
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

        yield sql


@pytest.fixture
def task(site, cooper):
    return site.new_task(cooper)


def listeners(sql):
    return sql(f"SELECT pid FROM pg_stat_activity WHERE application_name = 'cable' AND ({LISTENING})")


def test_a_raw_update_that_leaves_its_time_is_stamped_and_told(sql, server, cooper, task):
    [(before,)] = sql(f"SELECT updated_at FROM tasks_task WHERE id = {task}")
    with server.connect(cooper) as socket:
        socket.subscribe()
        for number in range(3):
            sql(f"UPDATE tasks_task SET label = 'by SQL {number}' WHERE id = {task}")
            [(after,)] = sql(f"SELECT updated_at FROM tasks_task WHERE id = {task}")
            assert int(after.timestamp()) > int(before.timestamp())
            while (message := socket.message(5)).get("updatedAt") != int(after.timestamp()):
                assert message["id"] == task  # what was saved within the last minute is repeated
            before = after


def test_a_time_that_is_said_is_left_alone_and_told(sql, server, cooper, task):
    with server.connect(cooper) as socket:
        socket.subscribe()
        [(said,)] = sql(
            f"UPDATE tasks_task SET updated_at = now() + interval '7 s' WHERE id = {task} "
            "RETURNING updated_at"
        )
        assert sql(f"SELECT updated_at FROM tasks_task WHERE id = {task}") == [(said,)]
        while socket.message(5).get("updatedAt") != int(said.timestamp()):
            pass


def test_rows_that_another_program_inserts_and_bulk_paths_are_told(site, sql, server, cooper, task):
    with server.connect(cooper) as socket:
        socket.subscribe()
        [(pk,)] = sql(INSERT.format(pk=cooper.pk))
        while socket.message(5)["id"] != pk:
            pass
        bulk = f"QuerySet(Task).filter(pk={task}).update(label='x')"
        site.shell(f"from django.db.models import QuerySet\n{bulk}")
        while socket.message(5)["id"] != task:
            pass


def test_a_listener_that_was_terminated_listens_again_and_has_missed_nothing(sql, server, cooper, task):
    with server.connect(cooper) as socket:
        socket.subscribe()
        [(pid,)] = eventually(lambda: listeners(sql), 20, "a connection that listens")
        sql(f"SELECT pg_terminate_backend({pid})")
        sql(f"UPDATE tasks_task SET label = 'meanwhile' WHERE id = {task}")
        while socket.message(10).get("action") != "update#tasks":
            pass
        eventually(lambda: listeners(sql) not in ([], [(pid,)]), 10, "a connection that listens")
    server.wait_for_log("cannot listen for writes")


def test_what_was_installed_is_removed(site, sql):
    try:
        sql(site.manage("cable_triggers", "--remove"))
        assert sql("SELECT 1 FROM pg_trigger WHERE tgname LIKE 'sync_cable%'") == []
        assert sql("SELECT 1 FROM pg_proc WHERE proname LIKE 'sync_cable%'") == []
    finally:
        sql(site.manage("cable_triggers"))


def test_without_postgresql_there_is_nothing_to_print(site):
    code, output, errors = run(
        site, "cable_triggers", DATABASE_URL="sqlite:///:memory:", CABLE_TRIGGERS="off"
    )
    assert (code, output) == (1, "")
    assert "is no PostgreSQL" in errors


# Whose clocks a stamp is of

TASKS = {"tasks": {"model": "tasks.Task", "owner": "user", "created_at": "", "updated_at": "updated_at"}}
TABLE = "CREATE TABLE tasks_task (id integer, label text, updated_at {column}); {install}"
# Django's session reads it as its own time.
AGE = "SELECT extract(epoch FROM clock_timestamp() - updated_at::timestamptz) FROM tasks_task"


@pytest.mark.parametrize("column", ["timestamp with time zone", "timestamp without time zone"])
@pytest.mark.parametrize(("use_tz", "zone"), [(True, "UTC"), (False, "Asia/Tokyo")])
def test_a_stamp_is_of_djangos_time_zone_whoever_writes(settings, postgres_server, column, use_tz, zone):
    settings.CABLE = settings.CABLE | {"RESOURCES": TASKS}
    settings.USE_TZ, settings.TIME_ZONE = use_tz, "Asia/Tokyo"
    with _postgres(postgres_server.url) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLE.format(column=column, install=triggers().install))
        for writer in ("UTC", "America/New_York", "Pacific/Auckland"):
            connection.execute("INSERT INTO tasks_task VALUES (1, 'old', '2018-01-04')")
            connection.execute(f"SET TimeZone TO '{writer}'")
            connection.execute("UPDATE tasks_task SET label = 'by SQL'")
            connection.execute(f"SET TimeZone TO '{zone}'")
            [(seconds,)] = connection.execute(AGE).fetchall()
            assert 0 <= seconds < 60
            connection.execute("DELETE FROM tasks_task")

"""Redis, the database and the disk go away, at the start and later, and come back without a restart."""

import os
from pathlib import Path

import pytest
from redis import Redis, ResponseError

from tests.support.disks import MEBIBYTE, small_disk
from tests.support.postgres import _binary, new_postgres
from tests.support.required import missing
from tests.support.site import Site
from tests.support.waiting import eventually

# Whoever logs a line for each attempt stays far below.
FEW_LINES = 60
# Loggers with a line for each request.
REQUESTS = ("lessy.access", "django.request")


def readiness(server):
    answer = server.request("GET", "/health/ready")
    return answer.status_code, answer.json()


def own_lines(log):
    """Without those of requests: how often this test asks depends on the machine."""
    return [line for line in log.splitlines() if not any(f'"{name}"' in line for name in REQUESTS)]


def wait_until_ready(server):
    eventually(lambda: readiness(server)[0] == 200, 20, "readiness")


def wait_until_not_ready(server, part):
    eventually(lambda: readiness(server)[1][part] is False, 20, f"the word that the {part} is away")
    assert readiness(server)[0] == 503
    assert server.request("GET", "/health/live").status_code == 200
    assert server.child.running
    assert len(own_lines(server.child.log)) < FEW_LINES, server.child.log


def wait_until_it_delivers(site, server, person):
    wait_until_ready(server)
    with server.connect(person) as socket:
        socket.subscribe()
        task = site.new_task(person)
        while socket.message(20)["id"] != task:
            pass


def new_task_by_api(server, person):
    task = {"task": {"label": "buy tea", "description": "x" * 4_000}}
    return server.request("POST", "/api/users/me/tasks", person, json=task).status_code


@pytest.fixture
def on_site():
    """on_site(database_url, redis): a site that is closed after the test."""
    sites = []

    def make(url, redis):
        sites.append(Site(url, redis))
        return sites[-1]

    yield make
    for site in sites:
        site.close()


def test_redis_that_is_absent_at_the_start_is_found_when_it_comes(site, new_redis):
    cooper = site.new_person()
    new_redis.kill()
    server = site.serve(REDIS_URL=new_redis.url)
    wait_until_not_ready(server, "broker")
    server.wait_for_log("the broker is down")
    new_redis.start()
    wait_until_ready(server)
    with server.connect(cooper) as socket:
        socket.subscribe()
        assert new_task_by_api(server, cooper) == 201
        assert socket.message()["action"] == "create#tasks"


@pytest.mark.parametrize("refuse", [("REPLICAOF", "127.0.0.1", "1"), ("CONFIG", "SET", "maxmemory", "1")])
def test_a_redis_that_is_read_only_or_full_delivers_all_the_same(site, new_redis, refuse):
    cooper = site.new_person()
    with Redis.from_url(new_redis.url) as redis:
        redis.execute_command(*refuse)
        with pytest.raises(ResponseError):
            redis.set("a", 1)
    server = site.serve(REDIS_URL=new_redis.url)
    wait_until_ready(server)
    with server.connect(cooper) as socket:
        socket.subscribe()
        assert new_task_by_api(server, cooper) == 201
        assert socket.message()["action"] == "create#tasks"


def test_a_database_that_is_read_only_at_the_start_is_waited_for(redis_server, on_site):
    with small_disk() as disk:
        site = on_site(f"sqlite:///{disk.folder}/site.sqlite3", redis_server)
        cooper = site.new_person()
        site.close_shell()
        disk.make_read_only(True)
        server = site.serve()
        wait_until_not_ready(server, "database")
        server.wait_for_log("the database does not answer")
        disk.make_read_only(False)
        wait_until_it_delivers(site, server, cooper)
        site.close()


def test_a_disk_that_fills_up_is_noticed_and_so_is_its_room(redis_server, on_site):
    with small_disk() as disk:
        site = on_site(f"sqlite:///{disk.folder}/site.sqlite3", redis_server)
        cooper = site.new_person()
        server = site.serve()
        wait_until_ready(server)
        disk.fill()
        # What SQLite has reserved is used up first.
        eventually(lambda: new_task_by_api(server, cooper) == 500, 20, "a save that fails")
        wait_until_not_ready(server, "database")
        server.wait_for_log("the database does not answer: OperationalError")
        disk.free()
        wait_until_it_delivers(site, server, cooper)
        site.close()


def restart(database, *, read_only):
    database.make_read_only(read_only)
    database.stop()
    database.start()


@pytest.fixture
def disk():
    with small_disk(64 * MEBIBYTE) as found:
        yield found


@pytest.fixture
def database():
    if not os.access(Path(_binary("initdb")), os.X_OK):
        missing("PostgreSQL")
    with new_postgres() as server:
        yield server


@pytest.fixture
def small_database(disk, database):
    database.move_to(disk.folder)
    return database


def test_a_database_that_is_away_at_the_start_and_later_is_waited_for(redis_server, database, on_site):
    site = on_site(database.url, redis_server)
    cooper = site.new_person()
    site.close_shell()
    database.stop()
    server = site.serve()
    wait_until_not_ready(server, "database")
    with server.connect(cooper, welcomed=False) as socket:
        assert socket.close_code() == 1011
    database.start()
    wait_until_it_delivers(site, server, cooper)
    site.close_shell()
    database.stop()
    wait_until_not_ready(server, "database")
    database.start()
    wait_until_it_delivers(site, server, cooper)


def test_a_postgresql_that_is_read_only_at_the_start_and_later_is_waited_for(redis_server, database, on_site):
    site = on_site(database.url, redis_server)
    cooper = site.new_person()
    site.close_shell()
    database.make_read_only(True)
    server = site.serve()
    wait_until_not_ready(server, "database")
    server.wait_for_log("in a read-only transaction")
    database.make_read_only(False)
    wait_until_it_delivers(site, server, cooper)
    site.close_shell()
    # As when what it speaks to became the copy of another.
    restart(database, read_only=True)
    wait_until_not_ready(server, "database")
    restart(database, read_only=False)
    wait_until_it_delivers(site, server, cooper)


def test_a_postgresql_whose_disk_is_full_at_the_start_and_later_is_waited_for(
    redis_server, disk, small_database, on_site
):
    site = on_site(small_database.url, redis_server)
    cooper = site.new_person()
    site.close_shell()
    disk.fill()
    server = site.serve()
    wait_until_not_ready(server, "database")
    server.wait_for_log("No space left on device")
    disk.free()
    wait_until_it_delivers(site, server, cooper)
    disk.fill()
    wait_until_not_ready(server, "database")
    # It has begun on pages that have some room left.
    eventually(lambda: new_task_by_api(server, cooper) == 500, 20, "a save that fails")
    disk.free()
    wait_until_it_delivers(site, server, cooper)

"""
PostgreSQL behind a network that drops data, under load: connections stay open, the proxy acknowledges every
byte, and nothing comes back. Meanwhile other processes change rows without a signal: only passes over the
tables deliver these changes.
"""

import itertools
import time

import pytest

from tests.end_to_end.faults.harness.checker import lost
from tests.end_to_end.faults.harness.clients import ExtendedClient, SinceClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world, ready, seconds_until
from tests.end_to_end.faults.test_cuts import cut_at_random
from tests.support.postgres import new_postgres
from tests.support.site import Site
from tests.support.waiting import eventually, within

# For a row that has not been changed before: so its version shows whether a client received this change.
KINDS = itertools.cycle(
    [
        "Task.objects.filter(pk={pk}).update(updated_at=timezone.now())",
        "task = Task.objects.get(pk={pk}); task.updated_at = timezone.now()\n"
        "QuerySet(Task).bulk_update([task], ['updated_at'])",
        "connection.cursor().execute('UPDATE tasks_task SET updated_at = now() WHERE id = {pk}')",
        "Task.objects.get(pk={pk}).save()",
    ]
)
PREPARE = """
from django.db import connection
from django.db.models import QuerySet
then = timezone.now() - timedelta(hours=2)
rows = [
    Task(user_id=user, label="quiet", order=10_000 + number, created_at=then, updated_at=then)
    for number, user in enumerate({users})
]
result = [task.pk for task in QuerySet(Task).bulk_create(rows)]
"""
PAUSE = 0.25
REPEATS = 5


class InsistentClient(ExtendedClient):
    """At reject_history it asks again instead of refetching, so that the server must deliver changes."""

    def take(self, frame):
        if frame.get("type") == "reject_history":
            raise EOFError(frame["type"])
        super().take(frame)


class Silent:
    """
    Two servers whose database is behind a proxy, and a third that writes and reaches it directly. untouched:
    tasks that have not been changed yet. quiet: the changes of change_for(), by user.
    """

    def __init__(self, world, database, **options):
        site = self.site = world.site
        self.world = world
        self.proxy = world.proxy(database.port)
        behind = {"DATABASE_URL": database.url.replace(str(database.port), str(self.proxy.port))}
        self.servers = [site.serve(**behind, **options) for _ in range(2)]
        self.sockets = [world.proxy(server.port) for server in self.servers]
        world.writer.urls = [site.serve().url]
        users = [person.pk for person, _ in zip(itertools.cycle(world.people), range(1_000), strict=False)]
        tasks = site.shell(PREPARE.format(users=users))
        self.untouched = iter(tasks)
        world.populate(SinceClient, InsistentClient, ports=[proxy.port for proxy in self.sockets])
        # Tasks created before the clients connected are not announced to them.
        for client in world.clients:
            client.known.update(dict.fromkeys((("tasks", pk) for pk in tasks), 0))
        self.quiet = {}
        world.start_writing()

    def change_for(self, seconds):
        """Makes a change every PAUSE, of each kind in turn. Only the last kind publishes to Redis."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            pk = next(self.untouched)
            change = next(KINDS).format(pk=pk)
            user, version = self.site.shell(
                f"{change}\ntask = Task.objects.get(pk={pk})\n"
                "result = task.user_id, int(task.updated_at.timestamp())"
            )
            self.quiet.setdefault(user, {})["tasks", pk] = version
            self.world.live_through(PAUSE)

    def unheard(self):
        """The changes of change_for() that a client has not received."""
        return self.world.loop.call(lost, self.world.clients, self.quiet)

    def wait_until_heard(self):
        eventually(lambda: not self.unheard(), LOAD.settling + 60, "the arrival of every change")

    def seconds_until_passed_and_heard(self, since):
        """Seconds until each server began its first complete pass, and until all changes were received."""
        began = {}

        def look():
            for server in self.servers:
                age = server.request("GET", "/health/ready").json()["reconciled_age_seconds"]
                if time.time() - age > since:
                    began.setdefault(server.port, time.time() - age)
            return len(began) == len(self.servers) and not self.unheard()

        eventually(look, 240, "a pass of each server, and the arrival of every change")
        return round(max(began.values()) - since, 1), round(time.time() - since, 1)

    def call(self, action):
        self.world.loop.call(action)

    def close(self):
        self.world.stop_writing()
        for proxy in (self.proxy, *self.sockets):
            self.world.loop.run(proxy.close())


@pytest.fixture(scope="module")
def database():
    with new_postgres() as server:
        yield server


@pytest.fixture
def silent(database, new_redis):
    """silent(**settings of the servers whose database falls silent)."""
    made = []
    brisk = {"CABLE_RECONCILE_INTERVAL": f"{LOAD.reconcile:g}"}
    site = Site(database.url, new_redis, **brisk)

    with new_world(site) as world:

        def make(**options):
            made.append(Silent(world, database, **options))
            return made[-1]

        yield make
        for each in made:
            each.close()
    site.close()


def test_a1_d3_connections_of_postgresql_that_fall_silent_lose_nothing(silent, report):
    """
    The connections to the database repeatedly fall silent, new ones included, while clients reconnect. Then
    it responds to none at all.
    """
    found = silent(CABLE_READ_TIMEOUT=f"{LOAD.read_timeout:g}")
    world, servers = found.world, found.servers
    world.live_through(LOAD.calm)
    cutting = world.loop.spawn(cut_at_random(world.clients, found.sockets))
    for _ in range(REPEATS):
        found.call(found.proxy.silence)
        found.change_for(LOAD.database_silent / REPEATS)
    world.loop.end(cutting)
    eventually(world.everybody_is_live, LOAD.settling, "the return of every client")
    found.wait_until_heard()
    # From now on no client reconnects, so that reconnects do not affect the measured delay.
    found.call(found.proxy.swallow)
    noticed = seconds_until(
        lambda: not any(map(ready, servers)), 2 * LOAD.reconcile + 10, "the end of readiness"
    )
    found.change_for(LOAD.database_silent)
    healed = time.time()
    found.call(found.proxy.heal)
    passed, took = found.seconds_until_passed_and_heard(healed)
    report("changes without a word of Redis", sum(map(len, found.quiet.values())))
    report("no server ready after, s", round(noticed, 1))
    report("PostgreSQL answers: the last server's next pass begun, all heard, s", (passed, took))
    if LOAD.promised:
        assert took - passed < 3
    world.check()
    eventually(lambda: all(map(ready, servers)), 30, "readiness")
    assert world.writer.errors == []


def test_a1_without_a_deadline_for_reads_silence_loses_changes(silent, report):
    """The control experiment: the test above does not pass by luck."""
    found = silent(CABLE_READ_TIMEOUT="86400")
    found.world.live_through(LOAD.calm)
    found.call(found.proxy.silence)
    found.change_for(LOAD.database_silent / 2)
    assert not within(2 * LOAD.database_silent, lambda: not found.unheard())
    report("rows of which a client did not hear, without the deadline", len(found.unheard()))

"""
Two installations on one Redis, under load: Redis database numbers separate keys, not pub/sub messages. The
notifications and orders of one installation do not reach the other.
"""

from contextlib import ExitStack

import pytest

from tests.end_to_end.faults.harness.clients import BaseClient, ExtendedClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world
from tests.support.site import new_site
from tests.support.waiting import eventually

# The second installation's tasks are numbered from here, so that an id shows the origin of a message.
THEIRS = 1_000_000
RENUMBER = f"""
from django.db import connection
if connection.vendor == "postgresql":
    connection.cursor().execute("SELECT setval(pg_get_serial_sequence('tasks_task', 'id'), {THEIRS})")
else:
    user = __import__("django.contrib.auth").contrib.auth.get_user_model().objects.first()
    row = Task(pk={THEIRS}, user=user, label="the first", order=1)
    row.created_at = row.updated_at = timezone.now()
    __import__("django.db.models").db.models.QuerySet(Task).bulk_create([row])
    __import__("django.db.models").db.models.QuerySet(Task).all().delete()
"""
ORDERS = 5


@pytest.fixture
def neighbours(new_redis):
    """neighbours(**settings of both): two worlds whose users have the same primary keys."""
    with ExitStack() as opened:

        def make(**env):
            worlds = []
            for database in ("/0", "/1"):
                url = new_redis.url.removesuffix("/0") + database
                site = opened.enter_context(new_site(new_redis, servers=1, REDIS_URL=url, **env))
                worlds.append(opened.enter_context(new_world(site)))
            worlds[1].site.shell(RENUMBER)
            for world in worlds:
                world.populate(BaseClient, ExtendedClient, sockets=LOAD.sockets // 2)
                world.start_writing()
                opened.callback(world.stop_writing)
            assert worlds[0].people[0].pk == worlds[1].people[0].pk
            return worlds

        yield make


def leaked(ours, theirs):
    """Rows of one installation that a client of the other was notified of."""
    found = [pk for client in ours.clients for _, pk in client.known if pk >= THEIRS]
    return found + [pk for client in theirs.clients for _, pk in client.known if pk < THEIRS]


def test_a12_nothing_that_one_installation_tells_or_orders_reaches_its_neighbour(neighbours, report):
    ours, theirs = neighbours()
    ours.live_through(LOAD.calm)
    for person in theirs.people[:ORDERS]:
        theirs.site.manage("cable_disconnect", "--user", person.username)
    ended = [client for client in theirs.clients if client.connected > 1]
    eventually(theirs.everybody_is_live, LOAD.settling, "the return of whom the order ended")
    theirs.live_through(LOAD.calm)
    for world in (ours, theirs):
        world.stop_writing()
    ours.check()
    changes = len(ours.writer.answers) + len(theirs.writer.answers)
    report("changes of both, and those that reached a neighbour", (changes, len(leaked(ours, theirs))))
    report("sockets ended by orders, and of the neighbour", (len(ended), sum(_ended(ours))))
    assert leaked(ours, theirs) == []
    assert not any(_ended(ours))


def test_a12_with_one_prefix_for_both_they_do_hear_each_other(neighbours, report):
    """The control experiment: as before installations had a prefix."""
    ours, theirs = neighbours(CABLE_PREFIX="shared")
    ours.live_through(LOAD.calm)
    eventually(lambda: leaked(ours, theirs), 30, "a message of the neighbour")
    report("rows of the neighbour that somebody was told of", len(leaked(ours, theirs)))


def _ended(world):
    return [client.connected > 1 for client in world.clients]

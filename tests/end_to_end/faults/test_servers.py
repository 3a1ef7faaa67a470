"""A server process is killed: between commit and publish, and while it holds half of all sockets."""

import contextlib
import json

import httpx
import pytest

from tests.end_to_end.faults.harness.clients import BaseClient, ExtendedClient, SinceClient, StreamClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world, seconds_until
from tests.support.site import new_site
from tests.support.waiting import eventually

HOOKS = "tests.support.hooks.settings"
# A reconcile interval and its pass: in `make test`, or with the default settings (30 s, 20 % jitter).
SOON = 31 * 1.2 + 5 if LOAD.promised else 10


@pytest.fixture
def empty_world(new_redis):
    with new_site(new_redis, servers=0) as site, new_world(site) as found:
        yield found


def test_a_change_whose_process_died_before_it_published_is_heard(empty_world, report):
    world, site = empty_world, empty_world.site
    alive = site.serve(
        **({} if LOAD.promised else {"DJANGO_SETTINGS_MODULE": "tests.support.brisk_settings"})
    )
    dying = site.serve(DJANGO_SETTINGS_MODULE=HOOKS, LESSY_TEST_HOOK="die_before_publishing")
    world.populate(BaseClient, ExtendedClient, StreamClient, ports=[alive.port])
    with contextlib.suppress(httpx.HTTPError):
        dying.request("POST", "/api/users/me/tasks", world.people[0], json={"task": {"label": "buy tea"}})
    assert dying.child.process.wait(10) == 9
    took = seconds_until(lambda: not world.lost(), SOON, "the arrival of the change")
    # The tables delivered it, not Redis. The server is asked, because the next reconcile may come before a
    # check that the clients lack the change.
    assert caught_up(site) == 1
    report("a change of a process that died heard after, s", round(took, 1))


def caught_up(site):
    """The number of changes that only the tables delivered."""
    found = json.loads(site.manage("cable_stats", "--json", "--wait", "20"))
    return found["totals"]["counts"].get("caught_up", 0)


def test_the_sockets_of_a_killed_process_come_back_elsewhere_and_have_everything(empty_world, report):
    world, site = empty_world, empty_world.site
    dying, surviving = site.serve(), site.serve()
    world.writer.urls.append(surviving.url)
    world.populate(SinceClient, ExtendedClient, StreamClient)
    world.start_writing()
    world.live_through(LOAD.calm)
    orphans = [client for client in world.clients if client.port == dying.port]
    assert orphans
    dying.child.kill()
    # Guarantees at least one change while the clients of the killed process are disconnected.
    world.live_through(1)
    # Wait for all: a client whose user had no change lacks nothing, and may still be reconnecting.
    eventually(
        lambda: all(client.port == surviving.port and client.live.is_set() for client in orphans),
        LOAD.settling,
        "the return of the orphans",
    )
    world.check()
    report("sockets that moved to the other process", len(orphans))
    assert world.writer.errors == []
    resumed = [client.answers[-1] for client in orphans if isinstance(client, ExtendedClient)]
    assert set(resumed) == {"confirm_history"}

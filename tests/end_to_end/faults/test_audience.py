"""Audiences change continually while Redis is killed and clients reconnect: 0 changes lost, 0 leaked."""

import asyncio
import random
import time

import pytest

from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.readers import (
    ON_ITS_WAY,
    BaseReader,
    ExtendedReader,
    SinceReader,
    StreamReader,
    leaked,
    lost,
)
from tests.end_to_end.faults.harness.world import new_world, ready
from tests.support.site import new_site
from tests.support.waiting import eventually, within

SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.teams.settings"}
# Steps of a Life between two checks of the clock.
STEPS = 5


class Lives:
    """Runs a Life in the shell, and records its steps and who could see what after each."""

    def __init__(self, site, people):
        self.steps = []
        self._site = site
        site.shell("from tests.teams.life import Life")
        site.shell(f"life = Life({[person.pk for person in people]!r}, {random.randrange(10**6)})")

    def go_on(self, seconds):
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            self.steps += self._site.shell(f"life.live({STEPS})")

    def sights(self):
        return [tuple(each) for each in self._site.shell("life.sights()")]


@pytest.fixture
def world(new_redis):
    with new_site(new_redis, servers=2, **SETTINGS) as site, new_world(site) as found:
        found.populate(BaseReader, ExtendedReader, SinceReader, StreamReader)
        yield found


def test_nothing_is_lost_and_nothing_leaks_while_redis_dies_and_clients_come_and_go(world, new_redis, report):
    lives = Lives(world.site, world.people)
    coming = world.loop.spawn(
        come_and_go([each for each in world.clients if not isinstance(each, BaseReader)])
    )
    # The last outage is longer than ON_ITS_WAY: queued notifications of rows that users lost sight of during
    # it would count as leaked.
    absences = [random.uniform(0.2, LOAD.redis_away) for _ in range(LOAD.deaths)]
    for absence in [*absences, ON_ITS_WAY + 2]:
        lives.go_on(random.uniform(0.5, LOAD.calm))
        new_redis.kill()
        lives.go_on(absence)
        new_redis.start()
    lives.go_on(LOAD.calm)
    world.loop.end(coming)
    eventually(world.everybody_is_live, LOAD.settling, "the return of every client")
    eventually(lambda: all(ready(server) for server in world.site.servers), LOAD.settling, "readiness")
    sights = lives.sights()
    arrived = within(LOAD.settling, lambda: not world.loop.call(lost, world.clients, sights))
    report("steps, each in a transaction", len(lives.steps))
    report("notifications heard", sum(len(client.heard) for client in world.clients))
    report("absences of clients", sum(client.connected - 1 for client in world.clients))
    assert arrived, world.loop.call(lost, world.clients, sights)[:5]
    assert (found := world.loop.call(leaked, world.clients, lives.steps)) == [], found[:5]
    assert world.loop.failures == []
    assert [complaint for client in world.clients for complaint in client.complaints] == []
    assert all(client.connected == 1 for client in world.clients if isinstance(client, BaseReader))
    assert sights
    assert any(client.connected > 1 for client in world.clients)


async def come_and_go(clients):
    """At such a rate that each client is disconnected about once per longest absence."""
    while True:
        await asyncio.sleep(LOAD.away[1] / len(clients))
        client = random.choice(clients)
        if client.live.is_set():
            client.leave(random.uniform(*LOAD.away))

"""The network cuts sockets at random, and each client reconnects later: at the end none is out of date."""

import asyncio
import random

import pytest

from tests.end_to_end.faults.harness.clients import ExtendedClient, SinceClient, StreamClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world
from tests.support.site import new_site
from tests.support.waiting import eventually


@pytest.fixture
def proxied(new_redis):
    """Every client connects through a proxy."""
    with new_site(new_redis, servers=2) as site, new_world(site) as world:
        proxies = [world.proxy(server.port) for server in site.servers]
        world.populate(SinceClient, ExtendedClient, StreamClient, ports=[proxy.port for proxy in proxies])
        world.start_writing()
        yield world, proxies
        world.stop_writing()
        for proxy in proxies:
            world.loop.run(proxy.close())


def test_sockets_cut_at_random_end_with_everything_and_hear_nothing_out_of_order(proxied, report):
    world, proxies = proxied
    world.live_through(LOAD.calm)
    cutting = world.loop.spawn(cut_at_random(world.clients, proxies))
    world.live_through(LOAD.cutting)
    world.loop.end(cutting)
    eventually(world.everybody_is_live, LOAD.away[1] + 20, "the return of every client")
    world.check()
    report("sockets cut", cuts := sum(client.connected - 1 for client in world.clients))
    assert cuts > LOAD.sockets / 2
    assert world.writer.errors == []


async def cut_at_random(clients, proxies):
    """At such a rate that each client is cut about once per longest absence."""
    while True:
        await asyncio.sleep(LOAD.away[1] / len(clients))
        client = random.choice(clients)
        if client.live.is_set():
            client.stay_away(random.uniform(*LOAD.away))
            # No proxy has it if the socket has just ended by itself.
            any(proxy.cut(client.local) for proxy in proxies)

"""Redis is killed, freezes, or is half-open: no change is lost, and no API request is affected."""

import pytest

from tests.end_to_end.faults.harness.clients import BaseClient, ExtendedClient, StreamClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world, ready, seconds_until
from tests.support.site import new_site
from tests.support.waiting import eventually


def hold_to_the_promise(world, report, calm, trouble, returned):
    """Every socket has every change soon after the return of Redis, and the API was not affected."""
    took = world.seconds_until_heard(returned)
    report("every change heard after the return of Redis, s", round(took, 2))
    before, during = (world.writer.p99(*window) for window in (calm, trouble))
    typical, suffered = (world.writer.p99_of_a_second(*window) for window in (calm, trouble))
    report("changes committed", len(world.writer.answers))
    report("p99 of the API before and meanwhile, ms", (round(before * 1e3), round(during * 1e3)))
    report("the same of a typical second, ms", (round(typical * 1e3), round(suffered * 1e3)))
    world.check()
    assert world.writer.errors == []
    eventually(lambda: all(ready(server) for server in world.site.servers), 30, "readiness")
    assert all(client.connected == 1 for client in world.clients)
    if LOAD.promised:
        assert took < 3
        assert suffered - typical < 0.020


def until_noticed(world, report):
    noticed = seconds_until(
        lambda: not any(ready(server) for server in world.site.servers), 30, "the end of readiness"
    )
    report("noticed by every server after, s", round(noticed, 2))
    return noticed


def test_redis_is_killed_and_comes_back_empty(world, new_redis, report):
    world.live_through(LOAD.warming)
    calm = world.live_through(LOAD.calm)
    new_redis.kill()
    noticed = until_noticed(world, report)
    trouble = world.live_through(max(0, LOAD.redis_away - noticed))
    new_redis.start()
    hold_to_the_promise(world, report, calm, trouble, trouble[1])


def test_redis_freezes(world, new_redis, report):
    world.live_through(LOAD.warming)
    calm = world.live_through(LOAD.calm)
    new_redis.freeze()
    noticed = until_noticed(world, report)
    trouble = world.live_through(max(0, LOAD.redis_silent - noticed))
    new_redis.thaw()
    hold_to_the_promise(world, report, calm, trouble, trouble[1])
    if LOAD.promised:
        assert noticed <= 6


def test_a6_after_an_absence_nothing_is_told_twice_that_the_passes_told_meanwhile(new_redis, report):
    """
    Redis is down for longer than a process otherwise remembers what it delivered. When Redis is back, the
    publishers send all queued notifications.
    """
    with new_site(new_redis, CABLE_OVERLAP="1", CABLE_RECONCILE_INTERVAL="1") as site:
        [server], person = site.servers, site.new_person()
        with server.connect(person) as socket:
            socket.subscribe()
            new_redis.kill()
            eventually(lambda: not ready(server), 15, "the end of readiness")
            told = [_told_of_a_new_task(server, person, socket) for _ in range(LOAD.absence)]
            new_redis.start()
            eventually(lambda: ready(server), 15, "readiness")
            heard = _heard_until_a_new_task(server, person, socket)
    again = [each for each in heard if each in told]
    report("told again after the absence, of so many told during it", (len(again), len(told)))
    assert again == []


def _told_of_a_new_task(server, person, socket):
    return _heard_until_a_new_task(server, person, socket)[-1]


def _heard_until_a_new_task(server, person, socket):
    """
    Creates a task through the server, whose publisher waits for Redis. Returns the notifications up to that
    of the task.
    """
    made = server.request("POST", "/api/users/me/tasks", person, json={"task": {"label": "buy tea"}})
    created = {"action": "create#tasks", "id": int(made.json()["data"]["id"])}
    heard = [socket.message(15)]
    while heard[-1] != created:
        heard.append(socket.message(15))
    return heard


@pytest.fixture
def half_open(new_redis):
    """As world, with a proxy in front of Redis."""
    with new_site(new_redis, servers=0) as site, new_world(site) as world:
        proxy = world.proxy(new_redis.port)
        for _ in range(2):
            server = site.serve(REDIS_URL=f"redis://127.0.0.1:{proxy.port}/0")
            world.writer.urls.append(server.url)
        world.populate(BaseClient, ExtendedClient, StreamClient)
        world.start_writing()
        yield world, proxy
        world.stop_writing()
        world.loop.run(proxy.close())


def test_redis_is_half_open(half_open, report):
    world, proxy = half_open
    world.live_through(LOAD.warming)
    calm = world.live_through(LOAD.calm)
    world.loop.call(proxy.swallow)
    noticed = until_noticed(world, report)
    trouble = world.live_through(max(0, LOAD.redis_silent - noticed))
    world.loop.call(proxy.heal)
    hold_to_the_promise(world, report, calm, trouble, trouble[1])
    if LOAD.promised:
        assert noticed <= 6

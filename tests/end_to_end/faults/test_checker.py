"""The checker can fail: it detects losses of at-most-once delivery, as of other servers."""

import asyncio

from tests.end_to_end.faults.harness.clients import BaseClient, ExtendedClient, StreamClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world
from tests.support.site import new_site
from tests.support.waiting import eventually


def test_with_the_catch_up_switched_off_an_absence_of_redis_loses_changes(new_redis, report):
    hooks = {"DJANGO_SETTINGS_MODULE": "tests.support.hooks.settings", "LESSY_TEST_HOOK": "at_most_once"}
    with new_site(new_redis, servers=0) as site, new_world(site) as world:
        for _ in range(2):
            world.writer.urls.append(site.serve(**hooks).url)
        world.populate(BaseClient, ExtendedClient, StreamClient)
        world.start_writing()
        world.live_through(LOAD.calm)
        new_redis.kill()
        world.live_through(LOAD.redis_away)
        new_redis.start()
        # Wait until the fast path works again: everything that was not lost has then arrived.
        last = site.new_task(world.people[0])
        eventually(
            lambda: site.touch(last) and _heard(world, last), LOAD.settling, "a change after the return"
        )
        world.stop_writing()
        lost = world.lost()
    report("rows of which a client did not hear, without the catch-up", len(lost))
    assert {each.split()[0] for each in lost} == {"BaseClient", "ExtendedClient", "StreamClient"}


class HeldStream(StreamClient):
    """It connects only while may_come is set."""

    def __init__(self, *args):
        super().__init__(*args)
        self.may_come = asyncio.Event()
        self.may_come.set()

    async def _live_once(self):
        await self.may_come.wait()
        await super()._live_once()


class ForgetfulStream(HeldStream):
    """It reconnects without the id of the last event."""

    def resuming(self):
        return {}


def test_a_stream_that_does_not_resume_loses_what_changed_while_it_was_away(new_redis, report):
    with new_site(new_redis) as site, new_world(site, users=2) as world:
        world.populate(HeldStream, ForgetfulStream, sockets=8)
        for client in world.clients:
            world.loop.call(client.may_come.clear)
            world.loop.call(client.cut)
        eventually(lambda: not any(client.port for client in world.clients), 10, "the end of every stream")
        for person in world.people:
            site.new_task(person)
        for client in world.clients:
            world.loop.call(client.may_come.set)
        eventually(
            lambda: all(client.connected == 2 and client.live.is_set() for client in world.clients),
            LOAD.settling,
            "the return of every stream",
        )
        lost = world.lost()
    report("rows of which a stream did not hear that did not resume", len(lost))
    assert [each.split()[0] for each in lost] == ["ForgetfulStream"] * 4


def _heard(world, task):
    return all(
        ("tasks", task) in client.known for client in world.clients if client.person == world.people[0]
    )

"""The checker can fail: what is at most once everywhere else, it catches."""

from tests.end_to_end.faults.harness.clients import BaseClient, ExtendedClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world
from tests.support.site import new_site
from tests.support.waiting import eventually


def test_with_the_catch_up_switched_off_an_absence_of_redis_loses_changes(new_redis, report):
    hooks = {"DJANGO_SETTINGS_MODULE": "tests.support.hooks.settings", "LESSY_TEST_HOOK": "at_most_once"}
    with new_site(new_redis, servers=0) as site, new_world(site) as world:
        for _ in range(2):
            world.writer.urls.append(site.serve(**hooks).url)
        world.populate(BaseClient, ExtendedClient)
        world.start_writing()
        world.live_through(LOAD.calm)
        new_redis.kill()
        world.live_through(LOAD.redis_away)
        new_redis.start()
        # Until the fast path works again, and so whatever was not lost is there.
        last = site.new_task(world.people[0])
        eventually(
            lambda: site.touch(last) and _heard(world, last), LOAD.settling, "a change after the return"
        )
        world.stop_writing()
        lost = world.lost()
    report("rows of which a client did not hear, without the catch-up", len(lost))
    assert lost


def _heard(world, task):
    return all(
        ("tasks", task) in client.known for client in world.clients if client.person == world.people[0]
    )

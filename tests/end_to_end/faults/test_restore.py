"""The tables are restored from a backup: no earlier position is confirmed any more."""

import pytest

from tests.end_to_end.faults.harness.clients import ExtendedClient, StreamClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world
from tests.support.site import new_site
from tests.support.waiting import eventually

BACK_UP = "backup = list(Task.objects.values())"
RESTORE = """
from django.db.models import QuerySet
Task.objects.all().delete()
# Django's own bulk_create: ours would move the clocks.
QuerySet(Task).bulk_create([Task(**row) for row in backup])
"""


@pytest.fixture
def world(new_redis):
    with new_site(new_redis, servers=2) as site, new_world(site) as found:
        found.populate(ExtendedClient, StreamClient)
        yield found


def test_after_a_restore_every_resume_is_rejected_and_none_is_confirmed(world):
    world.start_writing()
    world.live_through(LOAD.calm)
    world.site.shell(BACK_UP)
    world.live_through(LOAD.calm)
    world.stop_writing()
    world.check()
    streams = [client for client in world.clients if isinstance(client, StreamClient)]
    sockets = [client for client in world.clients if client not in streams and client.streams]
    assert streams
    assert sockets
    positioned = sockets + streams
    for server in world.site.servers:
        server.stop()
    world.site.shell(RESTORE)
    world.site.manage("cable_renew_epoch")
    for client in positioned:
        client.answers.clear()
    for server in world.site.servers:
        server.start()
    eventually(lambda: all(client.answers for client in positioned), 60, "the answer to every resume")
    assert {answer for client in sockets for answer in client.answers} == {"reject_history"}
    assert {answer for client in streams for answer in client.answers} == {"refetch"}

"""
Redis is down for an hour, and only passes over the tables deliver the changes: all of them, once, at the rate
at which clients read, in bounded memory.

The test does not wait for an hour. The rows get times that are spread over one, and each server's last
complete pass is set back by an hour: the state that an hour without a pass leaves.
"""

import json
import signal
from collections import Counter

import pytest

from tests.end_to_end.faults.harness.clients import BaseClient, StreamClient
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.world import new_world, ready, seconds_until
from tests.support.processes import Footprint
from tests.support.site import new_site
from tests.support.waiting import eventually

MEBIBYTE = 1024 * 1024
# Memory growth of a server. All frames for all sockets at once would take 60 MB and more.
GROWN = 48 * MEBIBYTE
HOOKS = {"DJANGO_SETTINGS_MODULE": "tests.support.hooks.settings", "CABLE_RECONCILE_INTERVAL": "2"}
MISSED = """
from django.db.models import QuerySet
now = timezone.now()
users = {users}
QuerySet(Task).bulk_create([
    Task(
        user_id=users[number % len(users)], label="missed", order=10_000 + number,
        created_at=now - timedelta(hours=2), updated_at=now - timedelta(hours=number / {count}),
    )
    for number in range({count})
], batch_size=1_000)
result = Task.objects.count()
"""
# Saved while Redis is down: the notifications wait in this process's queue, and are sent when Redis is back.
SAVED = """
for task in Task.objects.filter(user_id__in={users}).order_by("-updated_at")[:{count}]:
    task.save()
result = None
"""


# A long identifier, which each frame repeats: so the kernel's buffers cannot hold all frames of a client.
IDENTIFIER = json.dumps({"channel": "NotificationsChannel", "page": "x" * 4_000})


class CountingClient(BaseClient):
    """times: how often it received each version of a row."""

    receive_buffer = 65_536

    def __init__(self, *args):
        super().__init__(*args)
        self.times = Counter()

    def identifier(self):
        return IDENTIFIER

    def hear(self, message):
        super().hear(message)
        self.times[message["action"], message["id"], message.get("updatedAt")] += 1


class CountingStream(StreamClient):
    def __init__(self, *args):
        super().__init__(*args)
        self.times = Counter()

    def hear(self, message):
        super().hear(message)
        self.times[message["action"], message["id"], message.get("updatedAt")] += 1


class Absence:
    def __init__(self, world, redis, hook):
        self.world, self.redis, self.site = world, redis, world.site
        self.servers = [self.site.serve(**HOOKS, LESSY_TEST_HOOK=hook) for _ in range(2)]
        world.populate(CountingClient, CountingClient, CountingStream, sockets=LOAD.hour_sockets)

    def begin(self):
        """Kills Redis, and simulates an hour without a pass."""
        self.redis.kill()
        eventually(lambda: not any(map(ready, self.servers)), 15, "the end of readiness")
        users = [person.pk for person in self.world.people]
        self.site.shell(MISSED.format(users=users, count=LOAD.hour))
        for server in self.servers:
            server.child.signal(signal.SIGUSR1)

    def save_more(self, count):
        users = [person.pk for person in self.world.people]
        self.site.shell(SAVED.format(users=users, count=count))

    def seconds_until_told(self):
        return seconds_until(lambda: not self.world.lost(), 60 + LOAD.settling, "the arrival of every change")

    def told_again(self):
        """The number of repeated notifications, over all clients."""
        return sum(times - 1 for client in self.world.clients for times in client.times.values())

    def closed(self):
        return sum(client.connected - 1 for client in self.world.clients)


@pytest.fixture
def absence(new_redis):
    """absence(hook)"""
    with new_site(new_redis, servers=0) as site, new_world(site, LOAD.hour_users) as world:
        yield lambda hook: Absence(world, new_redis, hook)


def test_a6_an_hour_without_redis_and_without_a_pass_is_told_once_and_closes_nobody(absence, report):
    found = absence("an_hour_behind")
    footprints = [Footprint(server.child.process.pid) for server in found.servers]
    resident = [each.resident_bytes for each in footprints]
    for each in footprints:
        each.reset_peak()
    found.begin()
    took = found.seconds_until_told()
    grown = [each.peak_bytes - before for each, before in zip(footprints, resident, strict=True)]
    frames = sum(sum(client.times.values()) for client in found.world.clients)
    report("changes of an hour, and frames that told of them", (LOAD.hour, frames))
    report("told by passes within, s", round(took, 1))
    report("memory grown by at most, MiB", round(max(grown) / MEBIBYTE, 1))
    found.save_more(LOAD.hour // 10)
    found.seconds_until_told()
    found.redis.start()
    eventually(lambda: all(map(ready, found.servers)), 30, "readiness")
    assert found.site.shell("publisher.flush(60)"), "what waited for Redis"
    found.world.stop_writing()
    found.seconds_until_told()
    # Messages of one publisher arrive in order: after this one, none of the queued ones can follow.
    last = found.site.new_task(found.world.people[0])
    theirs = [each for each in found.world.clients if each.person == found.world.people[0]]
    eventually(lambda: all(("tasks", last) in each.known for each in theirs), 30, "a change after the return")
    report("told again, sockets closed", (found.told_again(), found.closed()))
    assert (found.told_again(), found.closed()) == (0, 0)
    assert max(grown) < GROWN


def test_a6_without_patience_such_a_pass_closes_sockets_that_read(absence, report):
    """The control experiment: delivered at once, the changes exceed an outbox."""
    found = absence("impatient")
    found.begin()
    eventually(found.closed, 60 + LOAD.settling, "the end of a socket")
    report("sockets closed, without patience", found.closed())

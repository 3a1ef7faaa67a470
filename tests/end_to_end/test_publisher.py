"""What a process saves outlives it, and Redis delays nobody: not a save, not an exit, not a forked child."""

import time

import pytest

from tests.support.site import new_site


@pytest.fixture
def site(new_redis):
    with new_site(new_redis, DJANGO_SETTINGS_MODULE="tests.support.brisk_settings") as found:
        yield found


@pytest.fixture
def cooper(site):
    return site.new_person()


def test_a_management_command_ends_in_time_while_redis_is_frozen_and_what_it_saved_is_heard(
    site, new_redis, cooper
):
    with site.servers[0].connect(cooper) as socket:
        socket.subscribe()
        new_redis.freeze()
        # Returns while Redis is frozen: it does not wait for it.
        site.manage("shell", "-c", f"Task.objects.create(user_id={cooper.pk}, label='x')")
        new_redis.thaw()
        assert socket.message(20)["action"] == "create#tasks"


def test_a_command_does_not_wait_long_for_a_redis_that_did_not_answer_its_commit(site, new_redis, cooper):
    """By its timeouts it could wait for longer than a test may take: an answer may, silence does not."""
    new_redis.freeze()
    command = ["shell", "-c", f"Task.objects.create(user_id={cooper.pk}, label='x')"]
    site.manage(*command, CABLE_PUBLISH_TIMEOUT="600", CABLE_FLUSH_TIMEOUT="600")


@pytest.mark.parametrize("fault", ["kill", "freeze"])
def test_saves_do_not_wait_for_a_redis_that_is_away_and_are_heard_when_it_is_back(
    site, new_redis, cooper, fault
):
    """Each that waited for its event would take PUBLISH_TIMEOUT, two seconds: forty more than before."""

    def make_twenty():
        started = time.monotonic()
        made = [
            site.servers[0].request("POST", "/api/users/me/tasks", cooper, json={"label": "x"})
            for _ in range(20)
        ]
        assert [answer.status_code for answer in made] == [201] * 20
        return {answer.json()["data"]["id"] for answer in made}, time.monotonic() - started

    with site.servers[0].connect(cooper) as socket:
        socket.subscribe()
        _, before = make_twenty()
        getattr(new_redis, fault)()
        tasks, meanwhile = make_twenty()
        new_redis.start() if fault == "kill" else new_redis.thaw()
        assert meanwhile < before + 20
        heard = set()
        while not heard >= tasks:
            heard.add(socket.message(20)["id"])


def test_a_forked_child_publishes_on_its_own(site, cooper):
    """As gunicorn's workers do: the parent's thread does not exist in the child."""
    fork = f"""
import os
Task.objects.create(user_id={cooper.pk}, label="of the parent")
publisher.flush(5)
child = os.fork()
if child == 0:
    from django.db import connections
    connections.close_all()
    Task.objects.create(user_id={cooper.pk}, label="of the child")
    os._exit(0 if publisher.flush(5) else 1)
result = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
    with site.servers[0].connect(cooper) as socket:
        socket.subscribe()
        assert site.shell(fork) == 0
        assert [socket.message()["action"] for _ in range(2)] == ["create#tasks"] * 2


def test_changes_arrive_in_order_and_what_exceeds_the_queue_is_dropped_and_caught_up(site, new_redis, cooper):
    with site.servers[0].connect(cooper) as socket:
        socket.subscribe()
        new_redis.freeze()
        made = site.shell(
            f"""
from notifications.ground.metrics import metrics
from django.test import override_settings
from django.conf import settings
with override_settings(CABLE=settings.CABLE | {{"PUBLISH_QUEUE": 5}}):
    made = [Task.objects.create(user_id={cooper.pk}, label="x").pk for _ in range(20)]
result = made, metrics.counts["drops:publish_queue"]
"""
        )
        new_redis.thaw()
        tasks, dropped = made
        assert dropped >= 14
        heard = []
        while set(heard) != set(tasks):
            heard.append(socket.message(20)["id"])
        first = list(dict.fromkeys(heard))
        assert first == tasks

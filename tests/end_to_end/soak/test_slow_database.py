"""A database that hangs stops nobody who does not need it."""

import asyncio
import json

import pytest

from tests.end_to_end.soak.crowd import crowd, in_background, open_socket
from tests.end_to_end.soak.sizes import SIZES
from tests.support.cable import EXTENDED, I

READERS = 4  # threads that read histories, in hub.py


@pytest.fixture
def server(site):
    """Each replay takes eight seconds."""
    return site.serve(DJANGO_SETTINGS_MODULE="tests.support.hooks.settings", LESSY_TEST_HOOK="slow_history")


async def wait_for_history(server, person):
    async with open_socket(server, person, EXTENDED) as socket:
        command = {"command": "subscribe", "identifier": I, "history": {"since": 1}}
        await socket.send(json.dumps(command))
        while json.loads(await socket.recv()).get("type") not in ("confirm_history", "reject_history"):
            pass


async def test_pings_and_notifications_are_on_time_while_every_worker_waits_for_it(site, server, cooper):
    with crowd(site, server, SIZES.bystanders) as others:
        before = await in_background(others.measure, SIZES.measured_seconds)
        waiting = [asyncio.create_task(wait_for_history(server, cooper)) for _ in range(2 * READERS)]
        writes = [
            asyncio.create_task(in_background(server.request, "GET", "/api/users/me/tasks", cooper))
            for _ in range(4)
        ]
        during = await in_background(others.measure, max(4, SIZES.measured_seconds))
        assert not any(task.done() for task in waiting[READERS:])
        await asyncio.gather(*waiting, *writes)
    assert others.ping_gap < 3.5
    if SIZES.compared:
        assert during <= 2 * before, (before, during)

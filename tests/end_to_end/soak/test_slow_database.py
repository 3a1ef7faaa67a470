"""A database that hangs stops nobody who does not need it."""

import asyncio
import json

from tests.end_to_end.soak.crowd import crowd, in_background, open_socket
from tests.end_to_end.soak.sizes import SIZES
from tests.support.cable import EXTENDED, I
from tests.support.held import HeldHistory

READERS = 4  # threads that read histories, in hub.py


async def wait_for_history(server, person):
    async with open_socket(server, person, EXTENDED) as socket:
        command = {"command": "subscribe", "identifier": I, "history": {"since": 1}}
        await socket.send(json.dumps(command))
        while json.loads(await socket.recv()).get("type") not in ("confirm_history", "reject_history"):
            pass


async def test_pings_and_notifications_go_on_while_every_worker_waits_for_it(site, cooper, tmp_path):
    history = HeldHistory(tmp_path)
    server = await in_background(history.serve, site)
    with crowd(site, server, SIZES.bystanders) as others:
        before = await in_background(others.measure, SIZES.measured_seconds)
        waiting = [asyncio.create_task(wait_for_history(server, cooper)) for _ in range(2 * READERS)]
        await in_background(history.wait_until_held, READERS)
        writes = [
            asyncio.create_task(in_background(server.request, "GET", "/api/users/me/tasks", cooper))
            for _ in range(4)
        ]
        during = await in_background(others.measure, SIZES.measured_seconds, 2)
        assert not any(task.done() for task in waiting)
        history.release()
        await asyncio.gather(*waiting, *writes)
    if SIZES.compared:
        assert others.ping_gap < 3.5
        assert during <= 2 * before, (before, during)

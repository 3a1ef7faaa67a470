"""Clients of a process that ends are sent elsewhere over the time that there is."""

import asyncio
from itertools import pairwise
from types import SimpleNamespace

import pytest

from notifications.hub import drain
from notifications.hub.drain import STRETCH, send_elsewhere
from tests.support.sockets import Socket


@pytest.fixture
def clock(monkeypatch):
    """Time passes only while somebody sleeps. slept: the sum."""
    found = SimpleNamespace(slept=0.0, on_sleep=lambda: None)

    async def sleep(seconds):
        found.slept += seconds
        found.on_sleep()

    loop = SimpleNamespace(time=lambda: found.slept)
    monkeypatch.setattr(drain, "asyncio", SimpleNamespace(sleep=sleep, get_running_loop=lambda: loop))
    return found


async def test_each_is_told_to_reconnect(clock):
    sockets = [Socket() for _ in range(3)]
    await send_elsewhere([each.connection for each in sockets], 1)
    told = [{"type": "disconnect", "reason": "server_restart", "reconnect": True}]
    assert [each.frames for each in sockets] == [told] * 3


async def test_they_go_evenly_over_the_time_and_a_tenth_more(clock):
    sockets = [Socket() for _ in range(100)]
    closed_at = []
    clock.on_sleep = lambda: closed_at.append(sum(each.code is not None for each in sockets))
    await send_elsewhere([each.connection for each in sockets], 10)
    assert clock.slept == pytest.approx(10 * STRETCH)
    steps = [after - before for before, after in pairwise(closed_at)]
    assert max(steps) <= 1
    assert closed_at[-1] == 100


async def test_without_clients_it_ends_at_once(clock):
    await send_elsewhere([], 10)
    assert clock.slept == 0


async def test_a_client_that_opens_or_goes_meanwhile_does_not_disturb():
    sockets = {Socket().connection for _ in range(5)}
    task = asyncio.create_task(send_elsewhere(sockets, 0.01))
    await asyncio.sleep(0)
    sockets.pop().end("client")
    async with asyncio.timeout(5):
        await task
    assert all(each.closed for each in sockets)

"""The heartbeat of a hub, by itself."""

import asyncio

import pytest

from notifications.hub.heartbeat import TICK_SECONDS, Heartbeat
from notifications.wire.positions import MICROSECONDS
from tests.support.sockets import Socket

AT = 1_700_000_000


def heartbeat(interval=TICK_SECONDS, horizon=AT * MICROSECONDS, on_tick=lambda: None):
    return Heartbeat(interval, lambda: horizon, on_tick)


async def beat_until(beating, event):
    task = asyncio.create_task(beating.run())
    try:
        async with asyncio.timeout(10):
            await event.wait()
    finally:
        task.cancel()


async def test_a_ping_names_the_horizon_in_whole_seconds():
    beating, socket = heartbeat(horizon=AT * MICROSECONDS + 999_999), Socket()
    beating.add(socket.connection)
    await beat_until(beating, socket.arrived)
    assert socket.frames[0] == {"type": "ping", "message": AT}


async def test_who_was_removed_hears_no_ping():
    beating, stays, goes = heartbeat(), Socket(), Socket()
    for each in (stays, goes):
        beating.add(each.connection)
    beating.remove(goes.connection)
    await beat_until(beating, stays.arrived)
    assert goes.frames == []
    assert len(beating) == 1


async def test_what_else_is_due_by_the_clock_is_done_at_each_tick():
    ticked = asyncio.Event()
    await beat_until(heartbeat(on_tick=ticked.set), ticked)


async def test_a10_a_heartbeat_that_costs_more_than_its_slot_leaves_others_their_turn(monkeypatch):
    """50 ms a turn go by while it works: by the clock of the loop it is always late."""
    loop = asyncio.get_running_loop()
    clock, ticks, wakes = loop.time(), [], []

    class Enough(Exception):
        pass

    def tick():
        nonlocal clock
        clock += 0.06
        ticks.append(None)
        if len(ticks) == 100:
            raise Enough

    async def other():
        nonlocal clock
        while True:
            clock += 0.001
            wakes.append(len(ticks))
            await asyncio.sleep(0)

    monkeypatch.setattr(loop, "time", lambda: clock)
    task = loop.create_task(other())
    with pytest.raises(Enough):
        await heartbeat(on_tick=tick).run()
    monkeypatch.undo()
    task.cancel()
    assert len(set(wakes)) >= 90  # between as many ticks it had its turn

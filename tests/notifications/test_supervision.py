"""A task of the hub that ends is started again, and until then readiness knows."""

import asyncio
import logging

import pytest

from notifications.ground import supervision
from notifications.ground.metrics import metrics
from notifications.ground.supervision import Supervisor
from notifications.hub.hub import Hub


@pytest.fixture
async def supervisor():
    found = Supervisor()
    yield found
    await found.stop()


async def eventually(look):
    async with asyncio.timeout(10):
        while not look():  # noqa: ASYNC110 what is waited for is a plain value
            await asyncio.sleep(0.01)


async def raises():
    raise RuntimeError("as a fault in the code does")


async def returns():
    pass


async def is_cancelled():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


@pytest.mark.parametrize("ends", [raises, returns, is_cancelled])
async def test_a10_a_task_that_ends_is_down_counted_and_started_again(supervisor, ends, monkeypatch):
    monkeypatch.setattr(supervision, "SETTLED_SECONDS", 0.05)
    before, starts = metrics.counts["task_restarts:job"], []

    async def job():
        starts.append(None)
        if len(starts) < 3:
            await ends()
        else:
            await asyncio.Event().wait()

    supervisor.keep("job", job)
    await eventually(lambda: supervisor.down)
    await eventually(lambda: len(starts) == 3)
    await eventually(lambda: not supervisor.down)
    assert metrics.counts["task_restarts:job"] == before + 2


async def test_a10_a_task_that_ends_at_once_and_always_is_not_taken_for_running(supervisor):
    before = metrics.counts["task_restarts:job"]
    supervisor.keep("job", raises)
    await eventually(lambda: metrics.counts["task_restarts:job"] >= before + 2)
    assert supervisor.down == {"job"}


async def test_a10_the_log_says_which_task_and_why(supervisor, caplog):
    supervisor.keep("job", raises)
    await eventually(lambda: caplog.records)
    assert "the task job ended" in caplog.text
    assert "as a fault in the code does" in caplog.text


async def test_what_is_stopped_stays_stopped(caplog):
    caplog.set_level(logging.ERROR)
    supervisor, starts = Supervisor(), []

    async def deaf():
        """As redis-py may: it takes the first cancellation for the end of a wait of its own."""
        starts.append(None)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await asyncio.Event().wait()

    supervisor.keep("job", deaf)
    await eventually(lambda: starts)
    await supervisor.stop()
    assert len(starts) == 1
    assert caplog.records == []
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "cable-job"]


@pytest.mark.parametrize("task", ["catch_up", "heartbeat", "reconcile", "broker_watch", "broker_join"])
async def test_a10_every_lasting_task_of_a_hub_is_watched(task, monkeypatch):
    """Ended from outside, as by an exception that nobody thought of."""
    hub, before = Hub(), metrics.counts[f"task_restarts:{task}"]
    hub.start()
    try:
        await eventually(lambda: hub.health.tasks_run and _running(task))
        _running(task).cancel()
        await eventually(lambda: not hub.health.tasks_run)
        await eventually(lambda: hub.health.tasks_run)
        assert _running(task)
        assert metrics.counts[f"task_restarts:{task}"] == before + 1
    finally:
        await hub.stop()


def _running(name):
    return next((task for task in asyncio.all_tasks() if task.get_name() == f"cable-{name}"), None)

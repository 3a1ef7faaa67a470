"""The slow clock, by itself."""

import asyncio

import pytest

from notifications.ground.metrics import metrics
from notifications.hub import reconcile as module
from notifications.hub.reconcile import Reconcile, jittered
from notifications.wire.positions import JITTER


class Passes:
    def __init__(self):
        self.owed = 0

    def owe(self):
        self.owed += 1


class Epoch:
    """read: the first time it fails, as a database that is away."""

    def __init__(self):
        self.readings = 0
        self.twice = asyncio.Event()

    async def read(self):
        self.readings += 1
        if self.readings == 1:
            raise OSError("away")
        self.twice.set()


async def test_each_time_a_pass_is_owed_and_the_epoch_read_whatever_failed_before(monkeypatch, caplog):
    monkeypatch.setattr(module, "jittered", lambda seconds: 0)
    passes, epoch, failures = Passes(), Epoch(), metrics.counts["reconcile_failures"]
    task = asyncio.create_task(Reconcile(passes, epoch, None).run())
    async with asyncio.timeout(5):
        await epoch.twice.wait()
    task.cancel()
    assert passes.owed >= 2
    assert metrics.counts["reconcile_failures"] == failures + 1
    assert "could not reconcile, will retry: OSError: away" in caplog.text


def test_processes_do_not_all_ask_at_once():
    waits = [jittered(10) for _ in range(100)]
    assert 10 * (1 - JITTER) <= min(waits) < max(waits) <= 10 * (1 + JITTER)
    assert len(set(waits)) > 90
    assert jittered(0) == pytest.approx(0)

"""
Runs the tasks that a hub needs. A task that ends, for whatever reason, is restarted: if the heartbeat or the
reconcile died silently, every socket would stay open but be out of date.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from .metrics import metrics

logger = logging.getLogger(__name__)

# Backoff between the end of a task and its restart: doubled each time, until it has run for SETTLED_SECONDS.
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
# A restarted task counts as down until it has run for this long.
SETTLED_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.5

Job = Callable[[], Coroutine[Any, Any, None]]


class Supervisor:
    """Belongs to one event loop. down: the names of the tasks that do not run, or were restarted just now."""

    def __init__(self) -> None:
        self.down: set[str] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[None]] = set()

    def keep(self, name: str, job: Job) -> None:
        """Run job(), and again whenever it ends. name: for the log and the metrics."""
        self._keepers.append(asyncio.get_running_loop().create_task(self._keep(name, job)))

    async def stop(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        running = set(self._running)
        while running:
            # Repeated if necessary: a library may lose a cancellation that coincides with an answer of Redis.
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)

    async def _keep(self, name: str, job: Job) -> None:
        backoff = FIRST_BACKOFF_SECONDS
        while True:
            started = time.monotonic()
            failure = await self._run(name, job)
            if time.monotonic() - started > SETTLED_SECONDS:
                backoff = FIRST_BACKOFF_SECONDS
            self.down.add(name)
            metrics.count(f"task_restarts:{name}")
            logger.error("the task %s ended; starts again in %.1f s", name, backoff, exc_info=failure)
            await asyncio.sleep(backoff)
            backoff = min(2 * backoff, LONGEST_BACKOFF_SECONDS)

    async def _run(self, name: str, job: Job) -> BaseException | None:
        """The exception that ended the task; None if it returned or was cancelled."""
        loop = asyncio.get_running_loop()
        task = loop.create_task(job(), name=f"cable-{name}")
        self._running.add(task)
        task.add_done_callback(self._ended)
        settled = loop.call_later(SETTLED_SECONDS, self.down.discard, name)
        try:
            await asyncio.wait({task})
        finally:
            settled.cancel()
        return _failure_of(task)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        # Retrieved in any case: asyncio would log it as an exception that was never retrieved.
        _failure_of(task)


def _failure_of(task: "asyncio.Task[None]") -> BaseException | None:
    return None if task.cancelled() else task.exception()

"""
Runs the tasks that a hub cannot be without. One that ends, for whatever reason, is started again: a heartbeat
or a reconcile that died in silence would leave every socket open, and untrue.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from .metrics import metrics

logger = logging.getLogger(__name__)

# Between the end of a task and its next start: doubled each time, until it has run for SETTLED_SECONDS.
FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
# A task that was started again counts as down until it has run for so long.
SETTLED_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.5

Job = Callable[[], Coroutine[Any, Any, None]]


class Supervisor:
    """Belongs to one event loop. down: the names of the tasks that do not run, or have just begun again."""

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
            # Again, if need be: a cancellation that meets an answer of Redis may be swallowed below us.
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
        """What it ended with; None if it returned or was cancelled."""
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
        # Also where nobody will ask any more: asyncio would call it an exception never retrieved.
        _failure_of(task)


def _failure_of(task: "asyncio.Task[None]") -> BaseException | None:
    return None if task.cancelled() else task.exception()

"""
The health of this process, for the readiness check, the metrics and `cable_stats`.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import Sequence
from typing import Protocol

from ..broker.broker import Broker
from ..conf import cable_settings
from ..ground.database import DatabaseThreads
from ..ground.supervision import Supervisor
from .catch_up import CatchUp
from .writable import require_databases

logger = logging.getLogger(__name__)

# How long a database or a broker may take to answer before it counts as down.
HEALTH_SECONDS = 2.0
# The database is queried at most once in this time, however often its health is asked for.
ASK_AGAIN_SECONDS = 1.0
# A pass is late when more than twice the interval plus this time has passed since the last complete one
# began.
CERTAIN_MARGIN_SECONDS = 5.0


class Pool(Protocol):
    """Threads that read the database. abandoned: those that missed their deadline, and still wait."""

    @property
    def abandoned(self) -> int: ...


class Health:
    """pools: all thread pools that read the database, except the one here, which checks that it answers."""

    def __init__(
        self, broker: Broker, catch_up: CatchUp, supervisor: Supervisor, pools: Sequence[Pool]
    ) -> None:
        self._broker = broker
        self._catch_up = catch_up
        self._supervisor = supervisor
        self._threads = DatabaseThreads(1, "cable-health")
        self._pools = (*pools, self._threads)
        self._asked_at = -math.inf
        self._answers: asyncio.Future[bool]

    async def close(self) -> None:
        await self._threads.close()

    @property
    def tasks_run(self) -> bool:
        """Whether every task that the hub needs is running, and has been for a second."""
        return not (self._supervisor.down or self._broker.tasks_down)

    @property
    def is_certain(self) -> bool:
        """Whether the passes over the tables are complete and in time: they deliver what Redis loses."""
        return self._catch_up.age <= 2 * cable_settings().reconcile_interval + CERTAIN_MARGIN_SECONDS

    @property
    def abandoned_reads(self) -> int:
        """Threads that still wait for a database which did not answer in time."""
        return sum(pool.abandoned for pool in self._pools)

    async def broker_answers(self) -> bool:
        """Waits up to HEALTH_SECONDS for a hub that has just started, and does not know yet."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEALTH_SECONDS):
                await self._broker.tried.wait()
        return self._broker.healthy

    async def database_answers(self) -> bool:
        """Whether the database can be written to. Calls within ASK_AGAIN_SECONDS share one answer."""
        if time.monotonic() - self._asked_at > ASK_AGAIN_SECONDS:
            self._asked_at = time.monotonic()
            self._answers = asyncio.ensure_future(self._ask_database())
        return await asyncio.shield(self._answers)

    async def _ask_database(self) -> bool:
        return await _answers_on(self._threads)


async def database_answers() -> bool:
    """As Health's, for a process without a hub. It may take HEALTH_SECONDS."""
    threads = DatabaseThreads(1, "health")
    try:
        return await _answers_on(threads)
    finally:
        await threads.close()


async def _answers_on(threads: DatabaseThreads) -> bool:
    try:
        await threads.run(require_databases, seconds=HEALTH_SECONDS)
    except Exception as exc:
        logger.warning("the database does not answer: %s: %s", type(exc).__name__, exc)
        return False
    return True

"""
The periodic reconcile: reads the tables every RECONCILE_INTERVAL, whatever the state of the broker. It finds
rows that changed without a signal, changes whose publisher died before it sent them, and revocations whose
message was lost.
"""

import asyncio
import logging
import random

from ..changes import notices
from ..conf import cable_settings
from ..ground.database import DatabaseThreads
from ..ground.metrics import metrics
from ..wire.positions import JITTER
from .catch_up import CatchUp
from .epoch import KnownEpoch

logger = logging.getLogger(__name__)


class Reconcile:
    """
    catch_up: makes a pass each time. epoch: read again each time, because the message about its renewal may
    be lost. readers: also delete some old notices each time.
    """

    def __init__(self, catch_up: CatchUp, epoch: KnownEpoch, readers: DatabaseThreads) -> None:
        self._catch_up = catch_up
        self._epoch = epoch
        self._readers = readers

    async def run(self) -> None:
        """Runs for ever. If the database is down, the next round asks it again."""
        while True:
            await asyncio.sleep(jittered(cable_settings().reconcile_interval))
            try:
                self._catch_up.owe()
                await self._epoch.read()
                if notices.are_kept():
                    await self._readers.run(notices.prune)
            except Exception as exc:
                metrics.count("reconcile_failures")
                logger.warning("could not reconcile, will retry: %s: %s", type(exc).__name__, exc)


def jittered(seconds: float) -> float:
    """With jitter, so that the processes do not all query at once."""
    return seconds * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 spreads, hides nothing

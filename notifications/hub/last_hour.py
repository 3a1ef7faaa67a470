"""
What this process delivered in each minute of the last hour, and how fast. Kept in memory only.
"""

import asyncio
import time
from collections import deque
from typing import NamedTuple

from ..ground.metrics import Metrics, metrics

MINUTES = 60
MINUTE = 60.0


class Minute(NamedTuple):
    """at: its beginning, in seconds since the epoch. buckets: see Histogram, of commit_to_socket."""

    at: int
    deliveries: int
    buckets: list[int]


class LastHour:
    def __init__(self, counted: Metrics = metrics) -> None:
        self._counted = counted
        self._past: deque[Minute] = deque(maxlen=MINUTES - 1)
        self._begin(time.time())

    async def run(self) -> None:
        """
        Runs for ever. Minutes begin with those of the clock, so that the counts of several processes can be
        added.
        """
        while True:
            await asyncio.sleep(MINUTE - time.time() % MINUTE)
            self.turn(time.time())

    def turn(self, now: float) -> None:
        """A new minute begins. now: seconds since the epoch."""
        self._past.append(self._current())
        self._begin(now)

    def minutes(self) -> list[Minute]:
        """The oldest first; the last is the current minute."""
        return [*self._past, self._current()]

    def _begin(self, now: float) -> None:
        self._at = int(now // MINUTE * MINUTE)
        self._deliveries = self._counted.deliveries
        self._buckets = list(self._counted.commit_to_socket.buckets)

    def _current(self) -> Minute:
        buckets = self._counted.commit_to_socket.buckets
        return Minute(
            self._at,
            self._counted.deliveries - self._deliveries,
            [now - before for now, before in zip(buckets, self._buckets, strict=True)],
        )

"""
The parts of the rate limits: a token bucket, and a log of who exceeded one.
"""

import logging
import math
import time

from .metrics import metrics

logger = logging.getLogger(__name__)

QUIET_SECONDS = 1.0


class TokenBucket:
    """A rate per second, with bursts. now: seconds of a monotonic clock."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = self._tokens = float(burst)
        self._at = now

    def take(self, now: float, amount: float = 1) -> bool:
        """Takes the amount; returns False, and takes nothing, if there are too few tokens."""
        self._refill(now)
        if self._tokens < amount:
            return False
        self._tokens -= amount
        return True

    def is_full(self, now: float) -> bool:
        self._refill(now)
        return self._tokens >= self._burst

    def _refill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


class Seldom:
    """
    Logs at most one line per kind and second, and counts those left out: a flood must not flood the log.
    """

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def left_out(self, kind: str, now: float | None = None) -> str | None:
        """The suffix of the line to log now; None if it must not be logged. now: time.monotonic()."""
        now = time.monotonic() if now is None else now
        if now - self._said_at.get(kind, -math.inf) < QUIET_SECONDS:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return None
        self._said_at[kind] = now
        unsaid = self._unsaid.pop(kind, 0)
        return f" ({unsaid} more since the last such line)" if unsaid else ""


class Breaches:
    """Counts every breach of a limit, and logs at most one per limit and second."""

    def __init__(self) -> None:
        self._seldom = Seldom()

    def report(self, limit: str, what: str, now: float | None = None) -> None:
        """what: the action and whom it concerned ("closed a socket of user 5"). Never a secret."""
        metrics.count(f"limits:{limit}")
        if (also := self._seldom.left_out(limit, now)) is not None:
            logger.warning("%s: over the limit of %s%s", what, limit, also)


breaches = Breaches()
seldom = Seldom()

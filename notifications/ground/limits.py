"""
What limits are made of: a bucket of tokens, and the word of who broke one.
"""

import logging
import math
import time

from .metrics import metrics

logger = logging.getLogger(__name__)

QUIET_SECONDS = 1.0


class TokenBucket:
    """So many a second, with bursts. now: seconds of a clock that never goes back."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = self._tokens = float(burst)
        self._at = now

    def take(self, now: float, amount: float = 1) -> bool:
        """Whether there was so much to take."""
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
    """One line of each kind a second, and how many were left out: a flood must not flood the log."""

    def __init__(self) -> None:
        self._said_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def left_out(self, kind: str, now: float | None = None) -> str | None:
        """What the line to be logged now ends with; None if there is to be none. now: time.monotonic()."""
        now = time.monotonic() if now is None else now
        if now - self._said_at.get(kind, -math.inf) < QUIET_SECONDS:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return None
        self._said_at[kind] = now
        unsaid = self._unsaid.pop(kind, 0)
        return f" ({unsaid} more since the last such line)" if unsaid else ""


class Breaches:
    """Counts every breach of a limit, and logs one of each limit a second."""

    def __init__(self) -> None:
        self._seldom = Seldom()

    def report(self, limit: str, what: str, now: float | None = None) -> None:
        """what: what was done to whom ("closed a socket of user 5"). Never a secret."""
        metrics.count(f"limits:{limit}")
        if (also := self._seldom.left_out(limit, now)) is not None:
            logger.warning("%s: over the limit of %s%s", what, limit, also)


breaches = Breaches()
seldom = Seldom()

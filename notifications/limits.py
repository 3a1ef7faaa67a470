"""
What limits are made of: a bucket of tokens, and the word of who broke one.
"""

import logging
import time

from notifications.metrics import metrics

logger = logging.getLogger(__name__)

QUIET_SECONDS = 1.0


class TokenBucket:
    """So many a second, with bursts. now: seconds of a clock that never goes back."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = self._tokens = float(burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Whether there was one to take."""
        self._refill(now)
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def is_full(self, now: float) -> bool:
        self._refill(now)
        return self._tokens >= self._burst

    def _refill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now


class Breaches:
    """Counts every breach of a limit, and logs one of each limit a second: a flood must not flood the log."""

    def __init__(self) -> None:
        self._logged_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def report(self, limit: str, what: str, now: float | None = None) -> None:
        """what: what was done to whom ("closed a socket of user 5"). Never a secret."""
        now = time.monotonic() if now is None else now
        metrics.count(f"limits:{limit}")
        if now - self._logged_at.get(limit, -QUIET_SECONDS) < QUIET_SECONDS:
            self._unsaid[limit] = self._unsaid.get(limit, 0) + 1
            return
        self._logged_at[limit] = now
        unsaid = self._unsaid.pop(limit, 0)
        also = f" ({unsaid} more since the last such line)" if unsaid else ""
        logger.warning("%s: over the limit of %s%s", what, limit, also)


breaches = Breaches()

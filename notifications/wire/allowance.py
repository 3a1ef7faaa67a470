"""
The deadline of a read.

It is doubled after each read that timed out because it is slow (no index, a busy disk): with a fixed deadline
its statement would be begun again and again, and never end.
"""

import math

# In deadlines. A slower statement times out again and again, which the metrics and the readiness check show.
MOST = 8
# This long after the last time-out the deadline is short again, so that a dead database is noticed soon.
FORGET_SECONDS = 600.0


class Allowance:
    """For the reads of one pool, which share a deadline. Times in seconds of a monotonic clock."""

    def __init__(self) -> None:
        self._factor = 1
        self._overstayed_at = -math.inf

    def of(self, deadline: float, now: float) -> float:
        if now - self._overstayed_at > FORGET_SECONDS:
            self._factor = 1
        return deadline * self._factor

    def overstayed(self, allowed: float, deadline: float, now: float) -> None:
        """
        allowed: the deadline that the read had. Of several reads that began together only the first doubles
        it.
        """
        self._overstayed_at = now
        if allowed >= deadline * self._factor:
            self._factor = min(2 * self._factor, MOST)

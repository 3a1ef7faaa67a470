"""
How long a read may take.

Twice as long after each one that overstayed because it is slow (no index, a busy disk): with a
fixed deadline its statement would be begun again and again, and never end.
"""

import math

# In deadlines. Beyond it a statement is given up again and again, which the metrics and readiness tell.
MOST = 8
# So long after the last read that overstayed the deadline is short again, and silence noticed soon.
FORGET_SECONDS = 600.0


class Allowance:
    """Of the reads of one pool that share a deadline. Times in seconds, by a clock that nobody sets."""

    def __init__(self) -> None:
        self._factor = 1
        self._overstayed_at = -math.inf

    def of(self, deadline: float, now: float) -> float:
        if now - self._overstayed_at > FORGET_SECONDS:
            self._factor = 1
        return deadline * self._factor

    def overstayed(self, allowed: float, deadline: float, now: float) -> None:
        """allowed: what that read was given. Of several that began together only the first doubles."""
        self._overstayed_at = now
        if allowed >= deadline * self._factor:
            self._factor = min(2 * self._factor, MOST)

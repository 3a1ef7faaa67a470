"""
The counters of this process. Plain integers: counting happens on the hot path. prometheus.py shows them.
"""

import time
from bisect import bisect_left
from collections import Counter

# Upper bounds of the buckets, in microseconds.
LATENCY = (1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000)


class Histogram:
    """
    buckets: how many were at most as large as each bound, but larger than the one before; the last counts
    those above every bound. Microseconds.
    """

    __slots__ = ("bounds", "buckets", "sum")

    def __init__(self, bounds: tuple[int, ...] = LATENCY) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum = 0

    def observe(self, microseconds: int) -> None:
        """Negative times, possible because the clocks of two machines differ, count as 0."""
        microseconds = max(microseconds, 0)
        self.buckets[bisect_left(self.bounds, microseconds)] += 1
        self.sum += microseconds

    def quantile(self, fraction: float) -> int | None:
        """
        The upper bound of the bucket with this quantile, in microseconds; None if no bound is large enough,
        or nothing was counted.
        """
        wanted = fraction * sum(self.buckets)
        reached = 0
        for bound, count in zip(self.bounds, self.buckets, strict=False):
            reached += count
            if wanted and reached >= wanted:
                return bound
        return None


class Metrics:
    """
    started_at: seconds since the epoch.
    counts: by name, with a reason after a colon where there is one ("drops:publish_queue").
    """

    __slots__ = ("commit_to_socket", "counts", "deliveries", "ping_lateness", "publish", "started_at")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.deliveries = 0
        self.commit_to_socket = Histogram()
        self.ping_lateness = Histogram()
        self.publish = Histogram()
        self.started_at = time.time()

    def count(self, name: str, amount: int = 1) -> None:
        self.counts[name] += amount


metrics = Metrics()

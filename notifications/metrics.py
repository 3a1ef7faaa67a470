"""
The counters of this process. Plain integers: counting happens on the hot path.
"""

from collections import Counter


class Metrics:
    """
    counts: by name, with a reason after a colon where there is one ("drops:publish_queue").
    """

    __slots__ = ("counts", "deliveries")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.deliveries = 0

    def count(self, name: str, amount: int = 1) -> None:
        self.counts[name] += amount


metrics = Metrics()

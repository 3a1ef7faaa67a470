"""The last hour of all processes as two charts for the admin: SVG, which a template draws."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..ground.metrics import Histogram
from ..hub.last_hour import MINUTE, MINUTES

WIDTH, HEIGHT = 600, 80
BAR = WIDTH / MINUTES


@dataclass(frozen=True)
class Bar:
    """In the units of the chart. label: shown on hover."""

    x: float
    y: float
    height: float
    label: str


@dataclass(frozen=True)
class Chart:
    """most: the value at the full height of the chart, as text."""

    name: str
    most: str
    bars: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    bar: float = BAR - 1


def charts(hours: Iterable[Sequence[Sequence[Any]]], now: float) -> list[Chart]:
    """hours: what each process answered as "hour", see LastHour. now: seconds since the epoch."""
    deliveries: Counter[int] = Counter()
    latencies: dict[int, Histogram] = {}
    for at, count, buckets in (minute for hour in hours for minute in hour):
        deliveries[at] += count
        histogram = latencies.setdefault(at, Histogram())
        histogram.buckets = [one + other for one, other in zip(histogram.buckets, buckets, strict=True)]
    last = int(now // MINUTE * MINUTE)
    minutes = [last - int(MINUTE) * back for back in reversed(range(MINUTES))]
    return [
        _chart("Deliveries per minute", "", minutes, [deliveries[at] for at in minutes]),
        _chart("Commit to socket, p99", " ms", minutes, [_p99(latencies.get(at)) for at in minutes]),
    ]


def _p99(histogram: Histogram | None) -> float:
    """Milliseconds; 0 if nothing was delivered. Above the last bound, twice that."""
    if histogram is None or not sum(histogram.buckets):
        return 0
    found = histogram.quantile(0.99)
    return (2 * histogram.bounds[-1] if found is None else found) / 1000


def _chart(name: str, unit: str, minutes: Sequence[int], values: Sequence[float]) -> Chart:
    most = max(*values, 1)
    bars = [
        Bar(round(index * BAR, 1), HEIGHT - height, height, f"{_time(at)}: {value:g}{unit}")
        for index, (at, value) in enumerate(zip(minutes, values, strict=True))
        if (height := math.ceil(HEIGHT * value / most))
    ]
    return Chart(name, f"{max(values):g}{unit}", bars)


def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M")

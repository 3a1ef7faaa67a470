"""
Draws the recorded figures as charts: docs/images/charts/*.svg, which docs/performance.md shows.

    python -m benchmarks.charts

Each chart has one figure, a bar for each server and size: medians of the rounds in docs/benchmarks/NAME.json.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from benchmarks.contenders import LESSY, ROOT
from benchmarks.results import load, medians

FOLDER = ROOT / "docs" / "images" / "charts"
WIDTH, BAR, GAP, LEFT, RIGHT, TOP = 720, 22, 10, 210, 90, 46
# Shorter than the titles in contenders.py. A server that is not listed is labelled with its name.
LABELS = {
    LESSY: "this cable on daphne",
    "uvicorn": "this cable on uvicorn",
    "floor": "floor",
    "textbook": "Channels' tutorial",
    "packaged": "django-actioncable",
    "rails": "Rails' Action Cable",
    "centrifugo": "Centrifugo",
    "null": "send() alone",
}
OURS, OTHERS = "#0b7285", "#adb5bd"


@dataclass(frozen=True)
class Chart:
    """benchmark: the name of a record. figure: a figure in this record. unit: of its values."""

    benchmark: str
    figure: str
    title: str
    unit: str
    # True: a bar per server and size. False: a bar per server, at its largest size.
    by_size: bool = False

    @property
    def name(self) -> str:
        return f"{self.benchmark}-{self.figure.replace('_', '-')}"


CHARTS = [
    Chart("delivery", "delivery_us", "CPU per delivery, 500 sockets", "µs"),
    Chart("delivery", "deliveries_per_second", "Deliveries per second of one process, 500 sockets", ""),
    Chart("crowd", "storm_cpu_ms", "CPU to connect and subscribe, 4,000 sockets at once", "ms"),
    Chart("crowd", "socket_kb", "Memory per socket, 4,000 sockets", "KB"),
    Chart("crowd", "idle_cpu", "CPU while idle, 4,000 sockets", "% of a core"),
    Chart("crowd", "latency_p99_ms", "Change to socket at 200 changes a second, p99, 4,000 sockets", "ms"),
    Chart("growth", "delivery_us", "CPU per delivery as sockets grow", "µs", by_size=True),
]


def bars(chart: Chart) -> list[tuple[str, float, bool]]:
    """For each bar: the label, the value, and whether the server is ours."""
    rounds = load(chart.benchmark)["rounds"]
    found = []
    for server, sizes in rounds.items():
        for size in sorted(sizes) if chart.by_size else [max(sizes)]:
            value = medians(sizes[size]).get(chart.figure)
            if value is not None:
                label = LABELS.get(server, server)
                found.append((f"{label}, {size:,}" if chart.by_size else label, value, server == LESSY))
    return found


def svg(chart: Chart) -> str:
    """A self-contained SVG, with a title and a description for screen readers."""
    found = bars(chart)
    height = TOP + len(found) * (BAR + GAP) + GAP
    longest = max(value for _, value, _ in found) or 1
    told = "; ".join(f"{label} {written(value, chart.unit)}" for label, value, _ in found)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="13" aria-labelledby="title description">',
        f'<title id="title">{escape(chart.title)}</title>',
        f'<desc id="description">{escape(told)}</desc>',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="16" y="26" font-size="16" font-weight="600" fill="#212529">{escape(chart.title)}</text>',
    ]
    for number, (label, value, ours) in enumerate(found):
        y = TOP + number * (BAR + GAP)
        length = max(1, round((WIDTH - LEFT - RIGHT) * value / longest))
        middle, color = y + BAR * 0.7, OURS if ours else OTHERS
        shown = written(value, chart.unit)
        lines += [
            f'<text x="{LEFT - 8}" y="{middle:g}" text-anchor="end" fill="#212529">{escape(label)}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{length}" height="{BAR}" fill="{color}"/>',
            f'<text x="{LEFT + length + 6}" y="{middle:g}" fill="#212529">{shown}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


def written(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def files() -> dict[Path, str]:
    return {FOLDER / f"{chart.name}.svg": svg(chart) for chart in CHARTS}


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()

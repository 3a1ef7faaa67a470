"""
The results: docs/benchmarks/NAME.json contains every round, the machine, the command and the versions.
"""

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.contenders import BY_NAME, FLOOR, ROOT
from benchmarks.session import Figures

FOLDER = ROOT / "docs" / "benchmarks"

Rounds = dict[str, dict[int, list[Figures]]]


def medians(rounds: list[Figures]) -> Figures:
    return {name: median(each[name] for each in rounds) for name in rounds[0]}


def table(name: str, rounds: Rounds) -> str:
    """A Markdown table: a row per figure, a column per server and size; medians, and ratios to the floor."""
    columns = {
        (server, size): medians(each) for server, sizes in rounds.items() for size, each in sizes.items()
    }
    names = list(next(iter(columns.values())))
    head = ["figure", *(f"{server} {size or ''}".strip() for server, size in columns)]
    lines = [head, ["---"] * len(head)]
    for figure in names:
        cells = [_cell(figure, server, size, columns) for server, size in columns]
        lines.append([figure, *cells])
    return "\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _cell(figure: str, server: str, size: int, columns: dict[tuple[str, int], Figures]) -> str:
    value = columns[server, size].get(figure)
    if value is None:
        return "–"
    floor = columns.get((FLOOR, size), {}).get(figure)
    ratio = f" ({value / floor:.2f})" if floor and server != FLOOR else ""
    return f"{value:.4g}{ratio}"


def save(name: str, rounds: Rounds, arguments: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    record = {
        "benchmark": name,
        "command": f"python -m benchmarks {' '.join(arguments)}",
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "versions": {server: BY_NAME[server].versions() for server in rounds if server in BY_NAME},
        "rounds": rounds,
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
    (FOLDER / f"{name}.md").write_text(_page(name, record))


def _page(name: str, record: dict[str, Any]) -> str:
    about = record["machine"]
    lines = [f"- {server}: {versions}" for server, versions in record["versions"].items()]
    return (
        f"# {name}\n\n`{record['command']}`, {record['at']}, on {about['cpu']}, {about['cores']} cores, "
        f"Python {about['python']}. Medians of the rounds in `{name}.json`; in brackets, ÷ the floor.\n"
        f"{table(name, record['rounds'])}\n" + "\n".join(lines) + "\n"
    )


def load(name: str) -> dict[str, Any]:
    """A record, with the sizes as numbers again. Raises FileNotFoundError if there is none."""
    record: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    record["rounds"] = {
        server: {int(size): each for size, each in sizes.items()}
        for server, sizes in record["rounds"].items()
    }
    return record


def machine() -> dict[str, Any]:
    model = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "cpu": model[0].partition(":")[2].strip() if model else platform.processor(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }

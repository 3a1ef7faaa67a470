"""
python -m benchmarks [NAME …] [--rounds N] [--sockets N] [--servers a,b] [--save]

Without a name: all of plans.py, and the cost of a save. Rounds alternate between the servers.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import results, saves
from benchmarks.contenders import BY_NAME, LESSY
from benchmarks.installation import Installation
from benchmarks.plans import PLANS, Plan
from benchmarks.results import Rounds
from benchmarks.session import FLOOD_SECONDS, Figures, session

SAVE = "save"
EVERY = [*PLANS, SAVE]


def main() -> None:
    options = _read_arguments()
    sizes = [options.sockets or max(PLANS[name].sizes) for name in options.names if name in PLANS]
    with tempfile.TemporaryDirectory(prefix="lessy-bench-") as folder:
        readers = [PLANS[name].readers for name in options.names if name in PLANS]
        users = max([1000, *(size // 2 for size in sizes), *readers])
        installation = Installation(Path(folder), users)
        for name in options.names:
            rounds = _measure(name, options, installation)
            print(f"\n{name}:", results.table(name, rounds))
            if options.save:
                results.save(name, rounds, sys.argv[1:])


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(EVERY)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sockets", type=int, help="instead of each benchmark's own")
    parser.add_argument("--seconds", type=float, default=FLOOD_SECONDS, help="of each flood")
    parser.add_argument("--servers", type=lambda text: text.split(","), help="only these, comma-separated")
    parser.add_argument("--save", action="store_true", help="into docs/benchmarks/")
    options = parser.parse_args()
    options.names = options.names or EVERY
    if unknown := set(options.names) - set(EVERY):
        parser.error(f"unknown: {', '.join(unknown)}")
    return options


def _measure(name: str, options: argparse.Namespace, installation: Installation) -> Rounds:
    if name == SAVE:
        return {LESSY: {0: [saves.measure(installation) for _ in range(options.rounds)]}}
    return run(
        PLANS[name],
        installation,
        rounds=options.rounds,
        servers=options.servers,
        sizes=[options.sockets] if options.sockets else None,
        seconds=options.seconds,
    )


def run(
    plan: Plan,
    installation: Installation,
    *,
    rounds: int,
    servers: Sequence[str] | None = None,
    sizes: Sequence[int] | None = None,
    seconds: float = FLOOD_SECONDS,
) -> Rounds:
    """A server that is not installed is skipped, with a message on stderr."""
    wanted = [BY_NAME[name] for name in plan.servers if name in (servers or plan.servers)]
    for contender in wanted:
        if not contender.available():
            print(f"{plan.name}: {contender.title} is not installed, and is left out", file=sys.stderr)
    present = [contender for contender in wanted if contender.available()]
    measured: Rounds = {contender.name: {} for contender in present}
    for number in range(1, rounds + 1):
        for size in sizes or plan.sizes:
            for contender in present:
                with session(contender, installation, size, seconds) as opened:
                    figures = plan.measure(opened)
                measured[contender.name].setdefault(size, []).append(figures)
                print(f"{plan.name} {number}, {contender.name} at {size}: {_short(figures)}", flush=True)
    return measured


def _short(figures: Figures) -> str:
    return " ".join(f"{name}={value:.4g}" for name, value in figures.items())


if __name__ == "__main__":
    main()

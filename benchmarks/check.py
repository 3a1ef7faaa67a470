"""
Checks for a performance regression: CPU per delivery ÷ the floor's, now and as recorded in docs/benchmarks/.

    python -m benchmarks.check      exits with 1 if the ratio is more than 10 % worse, with 2 without a record
"""

import sys
import tempfile
from pathlib import Path

from benchmarks import results
from benchmarks.__main__ import run
from benchmarks.contenders import FLOOR, LESSY
from benchmarks.installation import Installation
from benchmarks.plans import PLANS
from benchmarks.results import Rounds

SOCKETS = 500
ROUNDS = 3
TOLERANCE = 1.10


def ratio(rounds: Rounds) -> float:
    """The smallest ratio of the rounds: the one that other load on the machine disturbed least."""
    pairs = zip(rounds[LESSY][SOCKETS], rounds[FLOOR][SOCKETS], strict=True)
    return min(ours["delivery_us"] / floor["delivery_us"] for ours, floor in pairs)


def main() -> int:
    try:
        recorded = ratio(results.load("delivery")["rounds"])
    except FileNotFoundError:
        print("nothing is recorded to compare with: make bench BENCH=delivery", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="lessy-bench-") as folder:
        installation = Installation(Path(folder), SOCKETS // 2)
        now = ratio(run(PLANS["delivery"], installation, rounds=ROUNDS, servers=[LESSY, FLOOR]))
    print(
        f"CPU per delivery ÷ floor: {now:.3f} now, {recorded:.3f} recorded, at most {TOLERANCE:g} times that"
    )
    return 0 if now <= recorded * TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())

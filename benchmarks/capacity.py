"""
How many server processes and Redis shards so many online users need, from the figures in docs/benchmarks/.

    python -m benchmarks.capacity [USERS …] [--sockets-per-user 2] [--changes-per-minute 1]

Its table stands in docs/scaling.md.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from benchmarks import results
from benchmarks.contenders import LESSY
from benchmarks.session import Figures

USERS = [10_000, 100_000, 1_000_000, 10_000_000]
SOCKETS_PER_USER = 2.0
# Per user, at the peak.
CHANGES_PER_MINUTE = 1.0
# The share of a core that is planned for; the rest is for bursts, catch-ups and the REST API.
BUSY = 0.5
# After a deploy or a crash, all sockets of a process must be reconnected within this time.
STORM_SECONDS = 30


@dataclass(frozen=True)
class Costs:
    """
    Measured costs of one process on one core. CPU times in seconds. publishes_per_second: the rate measured
    through one Redis.
    """

    delivery: float
    idle: float
    connect: float
    memory: float
    publishes_per_second: float


@dataclass(frozen=True)
class Need:
    processes: int
    shards: int
    memory: float


def need(costs: Costs, users: int, sockets_per_user: float, changes_per_minute: float) -> Need:
    """
    memory: bytes for all sockets together. A process is full when its steady load takes BUSY of a core, or
    when reconnecting all its sockets would take longer than STORM_SECONDS.
    """
    sockets = users * sockets_per_user
    publishes = users * changes_per_minute / 60
    steady = publishes * sockets_per_user * costs.delivery + sockets * costs.idle
    storm = sockets * costs.connect / STORM_SECONDS
    return Need(
        processes=max(1, ceil(steady / BUSY), ceil(storm)),
        shards=max(1, ceil(publishes / costs.publishes_per_second / BUSY)),
        memory=sockets * costs.memory,
    )


def measured() -> Costs:
    crowd, delivery = _figures("crowd", 4000), _figures("delivery", 500)
    return Costs(
        delivery=crowd["delivery_us"] / 1e6,
        idle=crowd["idle_cpu"] / 100 / 4000,
        connect=crowd["storm_cpu_ms"] / 1e3,
        memory=crowd["socket_kb"] * 1024,
        publishes_per_second=delivery["deliveries_per_second"] / 2,
    )


def _figures(benchmark: str, sockets: int) -> Figures:
    return results.medians(results.load(benchmark)["rounds"][LESSY][sockets])


def table(costs: Costs, counts: Sequence[int], sockets_per_user: float, changes_per_minute: float) -> str:
    """A Markdown table with a row for each number of online users."""
    lines = [
        "| online users | processes (one core each) | Redis shards | memory of the sockets |",
        "|---|---|---|---|",
    ]
    for users in counts:
        found = need(costs, users, sockets_per_user, changes_per_minute)
        gibibytes = found.memory / 2**30
        lines.append(f"| {users:,} | {found.processes:,} | {found.shards:,} | {gibibytes:,.1f} GiB |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument("users", nargs="*", type=int, default=USERS)
    parser.add_argument("--sockets-per-user", type=float, default=SOCKETS_PER_USER)
    parser.add_argument(
        "--changes-per-minute", type=float, default=CHANGES_PER_MINUTE, help="of one user, at the peak"
    )
    options = parser.parse_args()
    try:
        costs = measured()
    except FileNotFoundError as exc:
        parser.error(f"{exc.filename} is missing: make bench BENCH='delivery crowd' records it")
    print(table(costs, options.users, options.sockets_per_user, options.changes_per_minute))


if __name__ == "__main__":
    main()

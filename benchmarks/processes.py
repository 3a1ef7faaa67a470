"""
CPU time and memory of a server's whole process tree, as the operating system counts them.
"""

import os
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += tree(int(child))
    return found


def cpu_seconds(*pids: int) -> float:
    """User and system time of their process trees so far. The resolution is 10 ms."""
    total = 0
    for each in (each for pid in pids for each in tree(pid)):
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / _TICKS


def memory_bytes(*pids: int) -> int:
    """Proportional set size of their process trees: shared memory counts once."""
    total = 0
    for each in (each for pid in pids for each in tree(pid)):
        rollup = Path(f"/proc/{each}/smaps_rollup").read_text()
        [pss] = [line.split()[1] for line in rollup.splitlines() if line.startswith("Pss:")]
        total += int(pss) * 1024
    return total

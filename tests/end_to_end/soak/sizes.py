"""How much the tests of load take on: little in `make test`, the promised amounts in `make soak`."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """
    compared: whether latencies are compared, with and without the trouble, in one run. What else runs on the
    machine would make that a matter of luck in `make test`.
    """

    compared: bool
    bystanders: int
    measured_seconds: float
    unfinished: int
    drained: int
    drain_seconds: float
    cycles: int


BOUNDED = Sizes(
    compared=False,
    bystanders=40,
    measured_seconds=1,
    unfinished=30,
    drained=100,
    drain_seconds=8,
    cycles=1_000,
)
FULL = Sizes(
    compared=True,
    bystanders=500,
    measured_seconds=10,
    unfinished=100,
    drained=1_000,
    drain_seconds=10,
    cycles=200_000,
)

SIZES = FULL if os.environ.get("LESSY_SOAK") == "full" else BOUNDED

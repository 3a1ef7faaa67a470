"""How much the fault tests take on: little in `make test`, the promised load in `make faults`."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """
    sockets: half base, half extended, dealt out among the users and among two server processes.
    changes: committed per second, through the REST API. Times in seconds.
    promised: whether times and latencies are held to what is promised. What else runs on the machine would
    make that a matter of luck in `make test`.
    """

    sockets: int
    users: int
    changes: float
    warming: float
    calm: float
    redis_away: float
    redis_silent: float
    cutting: float
    away: tuple[float, float]
    settling: float
    promised: bool


BOUNDED = Load(
    sockets=40,
    users=8,
    changes=20,
    warming=0,
    calm=1,
    redis_away=2,
    redis_silent=6.5,
    cutting=6,
    away=(0.1, 2),
    settling=30,
    promised=False,
)
FULL = Load(
    sockets=1_000,
    users=200,
    changes=50,
    warming=10,
    calm=15,
    redis_away=10,
    redis_silent=15,
    cutting=60,
    away=(0.1, 20),
    settling=60,
    promised=True,
)

LOAD = FULL if os.environ.get("LESSY_FAULTS") == "full" else BOUNDED

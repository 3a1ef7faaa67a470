"""How much the fault tests take on: little in `make test`, the promised load in `make faults`."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """
    sockets: a third each of two kinds of websockets and of event streams, dealt out among the users and among
    two server processes.
    changes: committed per second, through the REST API. Times in seconds.
    deaths: of Redis, in one test, each after a calm and for as long as redis_away at most.
    absence: changes while Redis is away that passes alone tell, about one a second.
    overlap, cuts: of a long transaction; when clients are cut after it began, in overlaps. clients: how many
    are cut after each. rounds: how many such transactions.
    database_silent: as long again it answers nobody. reconcile, read_timeout: of the servers before it.
    hour: rows that changed within an hour of which no pass has told. hour_users, hour_sockets: who hear.
    saves: of workers that end hard.
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
    deaths: int
    absence: int
    overlap: float
    cuts: tuple[float, ...]
    clients: int
    rounds: int
    database_silent: float
    reconcile: float
    read_timeout: float
    hour: int
    hour_users: int
    hour_sockets: int
    saves: int
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
    deaths=2,
    absence=8,
    overlap=3,
    cuts=(1.2,),
    clients=2,
    rounds=1,
    database_silent=4,
    reconcile=1,
    read_timeout=1,
    hour=600,
    hour_users=1,
    hour_sockets=40,
    saves=10,
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
    deaths=10,
    absence=72,
    overlap=10,
    cuts=(1.1, 1.2, 1.3),
    clients=10,
    rounds=3,
    database_silent=60,
    reconcile=5,
    read_timeout=10,
    hour=10_000,
    hour_users=20,
    hour_sockets=400,
    saves=100,
    cutting=60,
    away=(0.1, 20),
    settling=60,
    promised=True,
)

LOAD = FULL if os.environ.get("LESSY_FAULTS") == "full" else BOUNDED

"""The load of the fault tests: small in `make test`, the promised one in `make faults`."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """
    All times in seconds.
    sockets: a third each are base WebSockets, extended WebSockets and event streams, spread over the users
    and over two server processes.
    changes: commits per second, through the REST API.
    deaths: how often one test kills Redis, each time after a calm period and for at most redis_away.
    absence: changes while Redis is down, which only passes deliver, about one a second.
    overlap: OVERLAP in the test of long transactions. cuts: how long after the beginning of the transaction
    clients are cut, in overlaps. clients: how many are cut at each. rounds: how many such transactions.
    database_silent: how long its connections fall silent, and then how long it responds to no client.
    reconcile, read_timeout: settings of the servers that use this database.
    hour: rows that changed within an hour and that no pass has delivered. hour_users, hour_sockets: the users
    and sockets that receive them.
    saves: by workers that exit without cleanup.
    promised: whether times and latencies must be as promised. In `make test` other load on the machine would
    make this a matter of luck.
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

"""
One server under test with its Redis, its database and its clients, and the measurements of it.
"""

import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contenders import ROOT, Contender
from benchmarks.installation import Installation, environment
from benchmarks.load import PATIENCE_SECONDS, SHARED, SOCKETS_PER_USER
from benchmarks.processes import cpu_seconds, memory_bytes
from benchmarks.programs import Ear, Generator, Making, Times
from tests.support.processes import Child, Footprint, free_port
from tests.support.redis import RedisServer

# Work that a start or a storm leaves behind would be counted in the next measurement.
SETTLE_SECONDS = 2.0
STORM_SECONDS = 90.0
# Deliveries in flight during a flood: enough to keep a server busy, few enough to stay fair.
WINDOW = 1_000
CHANGES_PER_SECOND = 200
# For rows that all sockets receive: so few that each change is delivered before the next is made.
SHARED_CHANGES_PER_SECOND = 4
# Long enough to notice late pings.
FLOOD_SECONDS = 8.0

Figures = dict[str, float]


class Session:
    def __init__(
        self, contender: Contender, installation: Installation, sockets: int, flood_seconds: float
    ) -> None:
        self.contender, self.sockets, self.flood_seconds = contender, sockets, flood_seconds
        self.people = str(installation.people)
        self.redis = RedisServer()
        self.env = environment(installation.fresh_database(), self.redis.url, contender.settings)
        self.ports = [free_port() for _ in range(contender.processes)]
        self.children = [Child(contender.command(port), env=self.env, cwd=ROOT) for port in self.ports]
        for child, port in zip(self.children, self.ports, strict=True):
            child.wait_until_it_answers(port)
        self.load = Generator()

    @property
    def _turns(self) -> list[int]:
        """The ports to which the sockets connect in turn. The sockets of a user are consecutive."""
        each = 1 if self.contender.apart else SOCKETS_PER_USER
        return [port for port in self.ports for _ in range(each)]

    @property
    def pids(self) -> list[int]:
        return [child.process.pid for child in self.children]

    def close(self) -> None:
        self.load.close()
        for child in self.children:
            child.stop()
        self.redis.stop()

    # What can be measured

    def connect(self) -> Figures:
        """A connection storm: all sockets at once, until they are confirmed. Then their memory."""
        time.sleep(SETTLE_SECONDS)
        memory, used = memory_bytes(*self.pids), cpu_seconds(*self.pids)
        options = {
            "ports": self._turns,
            "people": self.people,
            "sockets": self.sockets,
            "seconds": STORM_SECONDS,
            "client": self.contender.client,
        }
        storm = self.load("connect", **options)
        cpu = cpu_seconds(*self.pids) - used
        time.sleep(SETTLE_SECONDS)
        return {
            "storm_seconds": storm["seconds"],
            "storm_refused": self.sockets - storm["confirmed"],
            "storm_cpu_ms": cpu / self.sockets * 1e3,
            "socket_kb": (memory_bytes(*self.pids) - memory) / self.sockets / 1024,
        }

    def reconnect(self, seconds: float = 30) -> Figures:
        """Reconnects as real clients do, with their timeouts and retries."""
        time.sleep(SETTLE_SECONDS)
        used = cpu_seconds(*self.pids)
        options = {"ports": self._turns, "people": self.people, "sockets": self.sockets, "seconds": seconds}
        storm = self.load("reconnect", **options)
        return {
            "confirmed": storm["confirmed"],
            "opened_per_socket": storm["opened"] / self.sockets,
            "subscribes_per_socket": storm["subscribes"] / self.sockets,
            "refused": storm["refused"],
            "wait_p50_ms": storm["p50"] * 1e3,
            "wait_max_ms": storm["max"] * 1e3,
            "cpu_ms": (cpu_seconds(*self.pids) - used) / self.sockets * 1e3,
        }

    def idle(self, seconds: float = 9) -> Figures:
        """CPU in percent of one core while the server sends only pings."""
        used, started = cpu_seconds(*self.pids), time.monotonic()
        self.load("watch")
        time.sleep(seconds)
        answer = self.load("heard", expected=0, patience=0)
        share = (cpu_seconds(*self.pids) - used) / (time.monotonic() - started)
        return {"idle_cpu": share * 100, "idle_ping_gap": answer["ping_gap"]}

    def flood(self, publication: str = "") -> Figures:
        """The highest rate of deliveries of the server. publication: by default that of the contender."""
        publication = publication or self.contender.publication
        options = {"redis": self.redis.port, "publication": publication, "window": WINDOW}
        self.load("flood", seconds=1, **options)
        used, used_by_redis = cpu_seconds(*self.pids), cpu_seconds(self.redis.pid)
        flood = self.load("flood", seconds=self.flood_seconds, **options)
        deliveries = max(1, flood["deliveries"])
        return {
            "delivery_us": (cpu_seconds(*self.pids) - used) / deliveries * 1e6,
            "redis_us": (cpu_seconds(self.redis.pid) - used_by_redis) / deliveries * 1e6,
            "deliveries_per_second": flood["per_second"],
            "lost": flood["lost"],
            "saturated_ping_gap": flood["ping_gap"],
            "generator_busy": flood["generator_busy"] * 100,
        }

    def blast(self, seconds: float = 4) -> Figures:
        """With the null server, which sends all the time: the cost of a bare `send`, and of receiving it."""
        self.load("blast", seconds=1)
        used = cpu_seconds(*self.pids)
        answer = self.load("blast", seconds=seconds)
        return {
            "delivery_us": (cpu_seconds(*self.pids) - used) / (answer["per_second"] * seconds) * 1e6,
            "deliveries_per_second": answer["per_second"],
            "generator_us": answer["microseconds"],
        }

    def latency(self, seconds: float = 10) -> Figures:
        """From the commit to Redis, from Redis to the socket, and in total; at 200 changes a second."""
        publication = self.contender.publication
        with closing(Ear(self.redis.url, publication)) as ear, self._changes() as making:
            made = making(publication, CHANGES_PER_SECOND, seconds)
        heard = self.load("heard", expected=2 * len(made.times), patience=PATIENCE_SECONDS)
        arrivals = heard["arrivals"]
        to_redis = _spread(
            "redis", [at - made.times[key] for key, at in ear.times.items() if key in made.times]
        )
        from_redis = _spread("socket", _delays(ear.times, arrivals))
        return _latencies(made.times, arrivals) | to_redis | from_redis

    def last_of_all(self, seconds: float = 20) -> Figures:
        """As latency(), for rows that all sockets receive: from the commit to the last socket."""
        with self._changes() as making:
            made = making(SHARED, SHARED_CHANGES_PER_SECOND, seconds)
        expected = self.sockets * len(made.times)
        heard = self.load("heard", expected=expected, patience=PATIENCE_SECONDS)
        return _to_the_last(made.times, heard["arrivals"], self.sockets)

    def beside_a_multitude(self, rate: float = 0.5, seconds: float = 20) -> Figures:
        """
        The latency of changes for one user each, while now and then a row changes that all users may see. And
        the peak memory of the server, and of the process that saves such a row.
        """
        servers = [Footprint(pid) for pid in self.pids]
        before = sum(server.resident_bytes for server in servers)
        for server in servers:
            server.reset_peak()
        with self._changes() as making:
            shared = making(SHARED, rate, seconds)
            alone = making(self.contender.publication, CHANGES_PER_SECOND / 10, seconds)
        expected = self.sockets * len(shared.times) + 2 * len(alone.times)
        heard = self.load("heard", expected=expected, patience=PATIENCE_SECONDS)["arrivals"]
        others = _latencies(alone.times, _about("tasks", heard))
        return (
            {f"others_{name}": value for name, value in others.items()}
            | _to_the_last(shared.times, _about("cards", heard), self.sockets)
            | {
                "server_peak_mb": (sum(server.peak_bytes for server in servers) - before) / 2**20,
                "saving_peak_mb": shared.peak_bytes / 2**20,
            }
        )

    @contextmanager
    def _changes(self) -> Iterator[Callable[[str, float, float], Making]]:
        """
        Starts runs of changes.py, several at a time; all have finished at the end of the block. The load
        generator records what it receives meanwhile.
        """
        users = json.loads(Path(self.people).read_text())[: self.sockets // SOCKETS_PER_USER]
        begun: list[Making] = []
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(users, file)
            file.flush()
            self.load("watch")

            def begin(publication: str, rate: float, seconds: float) -> Making:
                begun.append(Making(publication, rate, seconds, file.name, self.env))
                return begun[-1]

            yield begin
            for making in begun:
                making.finish()


def _about(resource: str, arrivals: list[Any]) -> list[Any]:
    return [(at, message) for at, message in arrivals if message["action"].endswith(f"#{resource}")]


def _delays(since: Times, arrivals: list[Any]) -> list[float]:
    keys = [(at, (message["id"], message.get("updatedAt"))) for at, message in arrivals]
    return [at - since[key] for at, key in keys if key in since]


def _spread(name: str, delays: list[float]) -> Figures:
    """In milliseconds. `delays` does not include notifications that never arrived."""
    ordered = sorted(delays) or [math.inf]
    return {
        f"{name}_p50_ms": ordered[len(ordered) // 2] * 1e3,
        f"{name}_p99_ms": ordered[int(len(ordered) * 0.99)] * 1e3,
        f"{name}_max_ms": ordered[-1] * 1e3,
    }


def _latencies(committed: Times, arrivals: list[Any]) -> Figures:
    delays = _delays(committed, arrivals)
    return _spread("latency", delays) | {"latency_lost": 2 * len(committed) - len(delays)}


def _to_the_last(committed: Times, arrivals: list[Any], sockets: int) -> Figures:
    times: dict[tuple[int, int], list[float]] = {key: [] for key in committed}
    for at, message in arrivals:
        times.get((message["id"], message.get("updatedAt")), []).append(at)
    delays = sorted((max(ats, default=math.inf) - committed[key]) * 1e3 for key, ats in times.items())
    return {
        "last_socket_p50_ms": delays[len(delays) // 2],
        "last_socket_max_ms": delays[-1],
        "last_socket_lost": sockets * len(committed) - sum(map(len, times.values())),
    }


@contextmanager
def session(
    contender: Contender, installation: Installation, sockets: int, flood_seconds: float = FLOOD_SECONDS
) -> Iterator[Session]:
    opened = Session(contender, installation, sockets, flood_seconds)
    try:
        yield opened
    finally:
        opened.close()

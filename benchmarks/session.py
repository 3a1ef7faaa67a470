"""
One server under test with its Redis, its database and a crowd of clients; and what can be measured of it.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contenders import ROOT, Contender
from benchmarks.installation import Installation, environment
from benchmarks.load import PATIENCE_SECONDS, SHARED, SOCKETS_PER_USER
from benchmarks.processes import cpu_seconds, memory_bytes
from tests.support.processes import Child, Footprint, free_port
from tests.support.redis import RedisServer

# What a start or a storm leaves to do would count as what is measured next.
SETTLE_SECONDS = 2.0
STORM_SECONDS = 90.0
# Deliveries that are on their way while a server is flooded: enough to keep it busy, few enough to stay fair.
WINDOW = 1_000
CHANGES_PER_SECOND = 200
# Of rows that all sockets hear of: so few that each has been told before the next.
SHARED_CHANGES_PER_SECOND = 4
# Long enough to see pings that are late.
FLOOD_SECONDS = 8.0

Figures = dict[str, float]
Times = dict[tuple[int, int], float]


class Generator:
    """load.py, by its standard input and output."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )

    def __call__(self, command: str, **options: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **options}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"failed": true}')
        if "failed" in answer:
            raise RuntimeError("the load generator ended")
        return answer

    def close(self) -> None:
        self._process.communicate()


class Making:
    """A run of changes.py. times: (row, version) → when it was begun. peak_bytes: of its process."""

    def __init__(
        self, publication: str, rate: float, seconds: float, people: str, env: dict[str, str]
    ) -> None:
        self.times: Times = {}
        self.peak_bytes = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.changes", publication, str(rate), str(seconds), people],
            env=env,
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
        )

    def finish(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            text = out.read()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode:
            raise RuntimeError("changes.py failed")
        self.times = {(row, version): at for row, version, at in json.loads(text)}
        self.peak_bytes = usage.ru_maxrss * 1024


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
        """The ports that the sockets connect to in turn; those of a user follow one another."""
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
        """A storm: all sockets at once, to their confirms. And what they weigh afterwards."""
        time.sleep(SETTLE_SECONDS)
        memory, used = memory_bytes(*self.pids), cpu_seconds(*self.pids)
        options = {
            "ports": self._turns,
            "people": self.people,
            "sockets": self.sockets,
            "seconds": STORM_SECONDS,
            "streams": self.contender.streams,
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
        """As real clients do, with their impatience."""
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
        """Pings, and nothing else. In percent of one core."""
        used, started = cpu_seconds(*self.pids), time.monotonic()
        self.load("watch")
        time.sleep(seconds)
        answer = self.load("heard", expected=0, patience=0)
        share = (cpu_seconds(*self.pids) - used) / (time.monotonic() - started)
        return {"idle_cpu": share * 100, "idle_ping_gap": answer["ping_gap"]}

    def flood(self, publication: str = "") -> Figures:
        """As many deliveries as the server can. publication: by default that of the contender."""
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
        """Of the null server, which sends all the time: what a bare `send` costs, and to read it."""
        self.load("blast", seconds=1)
        used = cpu_seconds(*self.pids)
        answer = self.load("blast", seconds=seconds)
        return {
            "delivery_us": (cpu_seconds(*self.pids) - used) / (answer["per_second"] * seconds) * 1e6,
            "deliveries_per_second": answer["per_second"],
            "generator_us": answer["microseconds"],
        }

    def latency(self, seconds: float = 10) -> Figures:
        """From just before the change is made to the socket, at 200 changes a second. Milliseconds."""
        with self._changes() as making:
            began = making(self.contender.publication, CHANGES_PER_SECOND, seconds)
        heard = self.load("heard", expected=2 * len(began.times), patience=PATIENCE_SECONDS)
        return _latencies(began.times, heard["arrivals"])

    def last_of_all(self, seconds: float = 20) -> Figures:
        """As latency, of rows that all sockets hear of, to the last of them."""
        with self._changes() as making:
            began = making(SHARED, SHARED_CHANGES_PER_SECOND, seconds)
        expected = self.sockets * len(began.times)
        heard = self.load("heard", expected=expected, patience=PATIENCE_SECONDS)
        return _to_the_last(began.times, heard["arrivals"], self.sockets)

    def beside_a_multitude(self, rate: float = 0.5, seconds: float = 20) -> Figures:
        """
        Of changes that one user hears of, while now and then a row changes that all users may see; and what
        that takes of memory, at the most: of the server, and of the process that saves such a row.
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
        Those of changes.py, several at a time, which have all been made at the end of the block. The load
        generator keeps what it hears meanwhile.
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


def _latencies(began: Times, arrivals: list[Any]) -> Figures:
    delays = sorted(
        at - began[key]
        for at, message in arrivals
        if (key := (message["id"], message.get("updatedAt"))) in began
    )
    expected = 2 * len(began)
    return {
        "latency_p50_ms": delays[len(delays) // 2] * 1e3,
        "latency_p99_ms": delays[int(len(delays) * 0.99)] * 1e3,
        "latency_max_ms": delays[-1] * 1e3,
        "latency_lost": expected - len(delays),
    }


def _to_the_last(began: Times, arrivals: list[Any], sockets: int) -> Figures:
    times: dict[tuple[int, int], list[float]] = {key: [] for key in began}
    for at, message in arrivals:
        times.get((message["id"], message.get("updatedAt")), []).append(at)
    delays = sorted((max(ats, default=math.inf) - began[key]) * 1e3 for key, ats in times.items())
    return {
        "last_socket_p50_ms": delays[len(delays) // 2],
        "last_socket_max_ms": delays[-1],
        "last_socket_lost": sockets * len(began) - sum(map(len, times.values())),
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

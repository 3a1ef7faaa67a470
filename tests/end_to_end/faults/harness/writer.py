"""A writer that changes tasks through the REST API, and records each response and its time."""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

import httpx

from tests.support.site import Person

# Tasks per user at most. Tasks are changed more often than created, as in practice.
TASKS = 10


@dataclass(frozen=True)
class Answer:
    """at: seconds since the epoch; took: seconds; version: of the row, in whole seconds (0: created)."""

    at: float
    took: float
    status: int
    user: int
    task: int
    version: int


class Writer:
    """urls: the servers to which it sends requests in turn. A test may change the list while it runs."""

    def __init__(self, people: Sequence[Person], urls: Sequence[str], per_second: float) -> None:
        self.urls = list(urls)
        self.answers: list[Answer] = []
        self.errors: list[str] = []
        self._people = people
        self._pause = 1 / per_second
        self._tasks: dict[int, list[int]] = {person.pk: [] for person in people}
        self._turn = itertools.count()

    async def run(self) -> None:
        """Runs until it is cancelled, then finishes open requests. Slow responses do not reduce the rate."""
        running: set[asyncio.Task[None]] = set()
        due = time.monotonic()
        async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_connections=50)) as http:
            try:
                while True:
                    task = asyncio.create_task(self._change(http, random.choice(self._people)))
                    running.add(task)
                    task.add_done_callback(running.discard)
                    due += self._pause
                    await asyncio.sleep(max(0, due - time.monotonic()))
            finally:
                await asyncio.gather(*running)

    async def _change(self, http: httpx.AsyncClient, person: Person) -> None:
        theirs = self._tasks[person.pk]
        turn = next(self._turn)
        body = {"task": {"label": f"buy tea {turn}"}}
        method, path = "POST", "/api/users/me/tasks"
        if theirs and (len(theirs) >= TASKS or random.random() < 0.7):
            method, path = "PATCH", f"/api/tasks/{random.choice(theirs)}"
        url = self.urls[turn % len(self.urls)]
        at, started = time.time(), time.perf_counter()
        try:
            answer = await http.request(
                method, url + path, json=body, headers={"Authorization": person.token}
            )
        except httpx.HTTPError as exc:
            self.errors.append(f"{type(exc).__name__} of {url}")
            return
        took = time.perf_counter() - started
        if answer.status_code >= 400:
            self.errors.append(f"{answer.status_code}: {answer.text[:200]}")
            return
        found = answer.json()["data"]
        pk, attributes = int(found["id"]), found["attributes"]
        if method == "POST":
            theirs.append(pk)
        version = 0 if method == "POST" else int(datetime.fromisoformat(attributes["updatedAt"]).timestamp())
        self.answers.append(Answer(at, took, answer.status_code, person.pk, pk, version))

    def p99(self, start: float, end: float) -> float:
        """The p99 latency of requests sent between the two times, in seconds."""
        return _p99([answer.took for answer in self.answers if start <= answer.at < end])

    def p99_of_a_second(self, start: float, end: float) -> float:
        """
        The median of the p99s of each second. The reconcile of each server, every 30 s, slows some 20
        requests even without a fault: the p99 of a short window depends on whether one falls into it.
        """
        seconds: dict[int, list[float]] = {}
        for answer in self.answers:
            if start <= answer.at < end:
                seconds.setdefault(int(answer.at), []).append(answer.took)
        return median(map(_p99, seconds.values())) if seconds else 0.0


def _p99(times: Sequence[float]) -> float:
    found = sorted(times)
    return found[int(len(found) * 0.99)] if found else 0.0

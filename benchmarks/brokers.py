"""
PostgreSQL as broker beside Redis, on one PostgreSQL; and what triggers cost:

    python -m benchmarks.brokers [--rounds 3] [--seconds 10]

Two server processes, 100 users with a socket on each, 200 changes a second by a process without a hub. From
just before a save to the socket. Then an UPDATE by SQL without and with triggers, and how soon it is told.
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import websockets

from tests.support.cable import I
from tests.support.postgres import PostgresServer, new_postgres
from tests.support.redis import RedisServer
from tests.support.site import ROOT, Person, Site

USERS = 100
RATE = 200
SETTINGS = {"DJANGO_DEBUG": "off", "CABLE_RECONCILE_INTERVAL": "3600", "LOG_LEVEL": "WARNING"}


@contextlib.contextmanager
def served(database: PostgresServer, redis: RedisServer | None, **env: str) -> Iterator[Site]:
    site = Site(database.url, redis, **SETTINGS, **env)
    try:
        for _ in range(2):
            site.serve()
        yield site
    finally:
        site.close()


async def _hear(url: str, token: str, ready: asyncio.Event, arrivals: list[tuple[Any, Any, float]]) -> None:
    headers = {"Authorization": token}
    async with websockets.connect(
        url, additional_headers=headers, subprotocols=["actioncable-v1-json"]
    ) as ws:
        await ws.send(json.dumps({"command": "subscribe", "identifier": I}))
        async for text in ws:
            at, frame = time.monotonic(), json.loads(text)
            if frame.get("type") == "confirm_subscription":
                ready.set()
            elif "type" not in frame:
                arrivals.append((frame["message"]["id"], frame["message"].get("updatedAt"), at))


async def delays(site: Site, people: list[Person], command: list[str]) -> list[float]:
    """
    The delay of each change to each of its two sockets, in milliseconds.

    command: makes the changes, and prints [[task, version, time], …].
    """
    arrivals: list[tuple[Any, Any, float]] = []
    places = [(server.cable_url, person.token) for person in people for server in site.servers]
    ready = [asyncio.Event() for _ in places]
    heard = [
        asyncio.create_task(_hear(*place, event, arrivals))
        for place, event in zip(places, ready, strict=True)
    ]
    async with asyncio.timeout(30):
        await asyncio.gather(*(event.wait() for event in ready))
    writer = await asyncio.create_subprocess_exec(*command, env=site.env, cwd=ROOT, stdout=subprocess.PIPE)
    printed, _ = await writer.communicate()
    await asyncio.sleep(2)
    for task in heard:
        task.cancel()
    began = {(task, version): at for task, version, at in json.loads(printed)}
    found = [(at - began[key]) * 1e3 for *row, at in arrivals if (key := tuple(row)) in began]
    print(
        f"    {len(began)} changes, {2 * len(began) - len(set(found))} of their arrivals missing", flush=True
    )
    return sorted(found)


def quantiles(found: list[float]) -> str:
    return f"p50 {found[len(found) // 2]:.1f} ms, p99 {found[int(len(found) * 0.99)]:.1f} ms"


def beside_redis(database: PostgresServer, redis: RedisServer, rounds: int, seconds: float) -> None:
    for number in range(rounds):
        for name, broker in (("Redis", redis), ("PostgreSQL", None)):
            with served(database, broker) as site, tempfile.NamedTemporaryFile("w", suffix=".json") as file:
                people = site.new_people(USERS)
                listed = [{"id": each.pk, "task": site.new_task(each)} for each in people]
                file.write(json.dumps(listed))
                file.flush()
                words = ["-m", "benchmarks.changes", "cable", str(RATE), str(seconds), file.name]
                found = asyncio.run(delays(site, people, [sys.executable, *words]))
                print(f"round {number + 1}, {name}: {quantiles(found)}", flush=True)


UPDATE = "UPDATE tasks_task SET label = md5(random()::text) WHERE id = ANY(%s)"
BY_SQL = """
import json, random, sys, time
import psycopg
tasks, began = json.loads(sys.argv[2]), []
with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    for _ in range(60):
        # Not in step with the listener, which wakes five times a second at most.
        time.sleep(random.uniform(0.1, 0.4))
        task, at = random.choice(tasks), time.monotonic()
        [(updated_at,)] = connection.execute(
            "UPDATE tasks_task SET label = md5(random()::text) WHERE id = %s RETURNING updated_at", [task]
        ).fetchall()
        began.append((task, int(updated_at.timestamp()), at))
print(json.dumps(began))
"""


def triggers(database: PostgresServer, redis: RedisServer) -> None:
    with served(database, redis, CABLE_TRIGGERS="on") as site:
        people = site.new_people(10)
        tasks = [site.new_task(each) for each in people]
        many = site.shell(
            f"result = [Task.objects.create(user_id={people[0].pk}, label='x').pk for _ in range(1000)]"
        )
        with psycopg.connect(database.url, autocommit=True) as connection:
            for name in ("--remove", None):
                connection.execute(site.manage("cable_triggers", *([name] if name else [])))
                for rows in (many[:1], many):
                    took = statistics.median(_seconds(connection, rows) for _ in range(30)) * 1e3
                    kind = "without" if name else "with"
                    print(f"UPDATE of {len(rows)} rows {kind} triggers: {took:.2f} ms", flush=True)
        command = [sys.executable, "-c", BY_SQL, database.url, json.dumps(tasks)]
        print(f"an UPDATE by SQL is told: {quantiles(asyncio.run(delays(site, people, command)))}")


def _seconds(connection: psycopg.Connection[Any], rows: list[int]) -> float:
    started = time.perf_counter()
    connection.execute(UPDATE, [rows])
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.brokers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    redis = RedisServer()
    try:
        with new_postgres() as database:
            beside_redis(database, redis, options.rounds, options.seconds)
            triggers(database, redis)
    finally:
        redis.stop()


if __name__ == "__main__":
    main()

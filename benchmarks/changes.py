"""
Makes changes at a steady rate in a separate process, as a web worker would:

    python -m benchmarks.changes PUBLICATION RATE SECONDS PEOPLE_FILE

For this project it saves tasks, with signal, transaction and publisher. For the other servers, which have no
such path, it publishes to Redis. Prints when each change was committed, or was about to be published: [[task,
version, time (CLOCK_MONOTONIC)], …]. Changes still in the publisher's queue are sent when the process ends.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count, cycle
from typing import Any

from benchmarks.load import SHARED, SHARED_ROWS

# The row, its version, and when it was committed.
Change = Callable[[dict[str, Any]], tuple[int, int, float]]


def _commits() -> list[float]:
    """The time of each commit. An on_commit hook is too late: it would run after the publisher's hook."""
    from django.db import connection

    times: list[float] = []
    run_hooks = connection.run_and_clear_commit_hooks

    def timed() -> None:
        times.append(time.monotonic())
        run_hooks()

    connection.run_and_clear_commit_hooks = timed  # type: ignore[method-assign]
    return times


def _saving(row_of: Callable[[dict[str, Any]], Any]) -> Change:
    from django.db import transaction

    commits = _commits()

    def save(person: dict[str, Any]) -> tuple[int, int, float]:
        row = row_of(person)
        with transaction.atomic():
            row.save()
        return row.pk, int(row.updated_at.timestamp()), commits.pop()

    return save


def saving() -> Change:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lessy.settings")
    import django

    django.setup()
    from tasks.models import Task

    return _saving(lambda person: Task.objects.get(pk=person["task"]))


def sharing() -> Change:
    """Changes shared rows in turn, so that no row changes twice within a second."""
    import django

    django.setup()
    from tests.teams.models import Card

    cards = cycle(Card.objects.in_bulk(SHARED_ROWS).values())
    return _saving(lambda person: next(cards))


def publishing(publication: str) -> Change:
    from redis import Redis

    from benchmarks.publications import PUBLICATIONS

    redis = Redis.from_url(os.environ["REDIS_URL"])
    versions = count(1)

    def publish(person: dict[str, Any]) -> tuple[int, int, float]:
        version, at = next(versions), time.monotonic()
        redis.publish(*PUBLICATIONS[publication](person["id"], person["task"], version))
        return person["task"], version, at

    return publish


def main(publication: str, rate: float, seconds: float, people: list[dict[str, Any]]) -> None:
    makers = {"cable": saving, SHARED: sharing}
    change = makers.get(publication, partial(publishing, publication))()
    change(people[0])  # opens the connections before the measurement
    made, due = [], time.monotonic()
    for _ in range(int(rate * seconds)):
        due += random.expovariate(rate)
        time.sleep(max(0.0, due - time.monotonic()))  # a fixed schedule, however long the last change took
        made.append(change(random.choice(people)))
    print(json.dumps(made))


if __name__ == "__main__":
    with open(sys.argv[4]) as file:
        main(sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), json.load(file))

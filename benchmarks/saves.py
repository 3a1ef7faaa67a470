"""
The cost of a save with notifications on and off, and of a transaction with 1,000 saves; in a separate
process, with a real Redis. `python -m benchmarks.saves` prints milliseconds.

A single save is timed as its caller sees it: the publisher works in the background, and finishes before the
next save. After a save with notifications off, the publisher gets the same change by hand: so both kinds of
save meet equally warm CPU caches, and only the save differs. Back to back, the saves share the interpreter
with the publisher, whose work then counts in full.
"""

import json
import os
import subprocess
import sys
import time
from statistics import median

from benchmarks.contenders import ROOT
from benchmarks.installation import Installation, environment
from benchmarks.session import Figures
from tests.support.redis import RedisServer

SAVES = 1_000
BATCH = 1_000
BLOCK = 50
# Between single saves, so that each starts with cold CPU caches.
PAUSE_SECONDS = 0.001


def measure(installation: Installation) -> Figures:
    redis = RedisServer()
    try:
        env = environment(installation.fresh_database(), redis.url)
        command = [sys.executable, "-m", "benchmarks.saves"]
        done = subprocess.run(command, env=env, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE)
    finally:
        redis.stop()
    figures: Figures = json.loads(done.stdout)
    return figures


def _compare() -> Figures:
    """Blocks with on and off alternate, so that other load on the machine affects both equally."""
    from django.db import transaction
    from django.db.models.signals import post_save

    from notifications.broker.publisher import publish, publisher
    from notifications.changes.resources import resource_of
    from notifications.changes.signals import announce_save
    from tasks.models import Task

    def timed_save() -> float:
        started = time.perf_counter()
        task.save()
        return (time.perf_counter() - started) * 1e3

    resource = resource_of(Task)
    assert resource is not None

    def single_save(on: bool) -> float:
        took = timed_save()
        if not on:
            publish([resource.updated(resource.row_of(task))])
        publisher.flush(5)
        time.sleep(PAUSE_SECONDS)
        return took

    def timed_batch() -> float:
        started = time.perf_counter()
        with transaction.atomic():
            for each in tasks:
                each.save()
        return (time.perf_counter() - started) * 1e3

    def switch(on: bool) -> None:
        if on:
            post_save.connect(announce_save, dispatch_uid="sync_cable.announce_save")
        else:
            post_save.disconnect(dispatch_uid="sync_cable.announce_save")

    task = Task.objects.order_by("pk")[0]
    tasks = list(Task.objects.order_by("pk")[:BATCH])
    singles: dict[bool, list[float]] = {True: [], False: []}
    saves: dict[bool, list[float]] = {True: [], False: []}
    batches: dict[bool, list[float]] = {True: [], False: []}
    for block in range(2 * SAVES // BLOCK):
        switch(on := block % 2 == 0)
        singles[on] += [single_save(on) for _ in range(BLOCK)]
        saves[on] += [timed_save() for _ in range(BLOCK)]
        publisher.flush(5)
    for block in range(11):
        switch(on := block % 2 == 0)
        took = timed_batch()
        publisher.flush(5)
        if block:  # the first block has cold caches
            batches[on].append(took)
    return {
        "save_on_ms": median(singles[True]),
        "save_off_ms": median(singles[False]),
        "save_difference_ms": median(singles[True]) - median(singles[False]),
        "back_to_back_difference_ms": median(saves[True]) - median(saves[False]),
        "batch_on_ms": median(batches[True]),
        "batch_off_ms": median(batches[False]),
        "batch_difference_us_per_row": (median(batches[True]) - median(batches[False])) / len(tasks) * 1e3,
    }


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lessy.settings")
    import django

    django.setup()
    print(json.dumps(_compare()))

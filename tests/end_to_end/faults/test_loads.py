"""
Pages repeatedly load their state by HTTP and go live from its position, while another process makes 200
changes a second: each page receives all changes committed in between. LESSY_LOADS: how many loads per way.
"""

import asyncio
import os
import threading
from itertools import cycle, islice

import httpx
import pytest

from notifications.wire.positions import Reach
from tests.end_to_end.faults.harness.load import LOAD
from tests.end_to_end.faults.harness.pages import WAYS, Page, go_live
from tests.support.shell import Shell
from tests.support.site import MANAGE, new_site
from tests.support.waiting import eventually

LOADS = int(os.environ.get("LESSY_LOADS", "25"))
PER_SECOND = 200
# Concurrent pages, each with its own address.
PAGES = 4
# Heartbeats; one is sent every 3 s.
PATIENCE = 5
# Each row is changed at most once, soon after its creation.
WRITER = f"""
import time
from threading import Event, Thread
from django.db import connections
stop, written = Event(), []

def write():
    due, made = time.monotonic(), []
    while not stop.wait(max(0, due - time.monotonic())):
        due += 1 / {PER_SECOND}
        if len(written) % 3 == 0 and len(made) > 50:
            Task.objects.get(pk=made[-40]).save()
        else:
            made.append(Task.objects.create(user_id={{user}}, label="buy tea", order=len(written)).pk)
        written.append(made[-1])
    connections.close_all()

thread = Thread(target=write)
"""
# Rows this far before the last one of a state no longer change.
SETTLED = 100
VERSIONS = """
rows = Task.objects.filter(user_id={user})
rows.filter(pk__lt={settled})._raw_delete(rows.db)
times = rows.values_list("pk", "created_at", "updated_at")
result = [(pk, 0 if changed == made else int(changed.timestamp())) for pk, made, changed in times]
"""


class Writer:
    """Makes the changes in a separate process."""

    def __init__(self, site, user):
        self._shell = Shell(MANAGE, site.env)
        self._shell(WRITER.format(user=user))
        self._one_at_a_time = threading.Lock()

    def start(self):
        self._shell("thread.start()")
        eventually(lambda: self._written()[0] > PER_SECOND, 60, "a state")
        self._began = self._written()

    def _written(self):
        """The number of changes so far, and the time, in seconds."""
        with self._one_at_a_time:
            alive, *found = self._shell("result = thread.is_alive(), len(written), time.monotonic()")
        assert alive, "it failed"
        return found

    def so_far(self):
        """The number of changes since the start, and the changes per second."""
        (before, began), (count, at) = self._began, self._written()
        return count - before, (count - before) / (at - began)

    def keeps_up(self):
        return self.so_far()[1] > PER_SECOND * 0.98

    def stop(self):
        self._shell("stop.set(); thread.join(30)")
        self._shell.close()


class Scene:
    """A user whose pages load from one server and go live at the other."""

    def __init__(self, site):
        self.site = site
        self.person = site.new_person()
        # Page -> the last task of the state that it shows.
        self._shown = {}
        self._one_at_a_time = threading.Lock()

    def tables(self):
        """The versions of rows that a page may lack. Deletes the others, or each page would receive them."""
        settled = min(self._shown.values(), default=0) - SETTLED
        with self._one_at_a_time:
            return dict(self.site.shell(VERSIONS.format(user=self.person.pk, settled=settled)))

    def page(self, number):
        way_there = httpx.AsyncHTTPTransport(local_address=f"127.0.7.{1 + number}")
        http = httpx.AsyncClient(transport=way_there, timeout=30)
        return Page(http, self.person, *islice(cycle(self.site.servers), number, number + 2))

    async def loads(self, way, count, ready):
        """The outcome of each load. ready: the condition for which each load waits."""
        turns = iter(range(count))
        self._shown = dict.fromkeys(range(PAGES), 0)

        async def go_on(number):
            outcomes = []
            async with (page := self.page(number)).http:
                for _ in turns:
                    await asyncio.to_thread(eventually, ready, 60, "the pace of the writer")
                    state = await page.load()
                    self._shown[number] = max(state.known)
                    outcomes.append(await go_live(way(page, state.position), state, self.tables, PATIENCE))
            del self._shown[number]
            return outcomes

        found = await asyncio.gather(*map(go_on, range(PAGES)))
        return [outcome for outcomes in found for outcome in outcomes]

    def load(self):
        """The present state."""

        async def load():
            async with (page := self.page(0)).http:
                return await page.load()

        return asyncio.run(load())

    def missed(self, state, position):
        """For each way, the tasks missed by a page that shows this state and goes live from this position."""

        async def go(number, way):
            async with (page := self.page(number)).http:
                return set((await go_live(way(page, position), state, self.tables, PATIENCE)).missed)

        async def go_all():
            return await asyncio.gather(*[go(*each) for each in enumerate(WAYS.values())])

        return dict(zip(WAYS, asyncio.run(go_all()), strict=True))


@pytest.fixture
def scene(new_redis):
    """scene(**settings)"""
    with new_site(new_redis, servers=0, DJANGO_SETTINGS_MODULE="tests.support.state_settings") as site:

        def make(**env):
            for _ in range(2):
                site.serve(**env)
            return Scene(site)

        yield make


@pytest.fixture
def writer():
    """writer(scene) starts a writer, which runs until the end of the test."""
    started = []

    def start(scene):
        started.append(Writer(scene.site, scene.person.pk))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.mark.parametrize("way", WAYS)
def test_what_changes_while_a_page_loads_is_told(scene, writer, report, way):
    found = scene()
    writing = writer(found)
    # In `make test`, other load on the machine would decide whether the writer keeps up.
    outcomes = asyncio.run(found.loads(WAYS[way], LOADS, writing.keeps_up if LOAD.promised else lambda: True))
    changes, pace = writing.so_far()
    missed = [outcome.missed for outcome in outcomes if outcome.missed]
    report(f"loads, going live by {way}", len(outcomes))
    report("changes meanwhile, and per second", (changes, round(pace)))
    report("changes between a state and its page being live", sum(len(each.due) for each in outcomes))
    report("missed", sum(map(len, missed)))
    assert missed == []
    assert len(outcomes) == LOADS
    assert any(outcome.due for outcome in outcomes)
    if LOAD.promised:
        assert pace > PER_SECOND * 0.95


def test_a_position_that_is_taken_too_late_misses_what_came_before_it(scene, report):
    """
    The control experiment: the checker can fail. The replay for a position starts one lag and one overlap
    before it, so that changes are missed only if the position is later than the state by more than that.
    """
    found = scene(CABLE_OVERLAP="0.1", CABLE_RECONCILE_INTERVAL="0.1", CABLE_PING_INTERVAL="0.5")
    state = found.load()
    tasks = {found.site.new_task(found.person) for _ in range(5)}
    far = microseconds(found.load().position) + sum(Reach.of(0.1, 0.1))
    late = eventually(lambda: microseconds(then := found.load().position) > far and then, 30)
    assert found.missed(state, state.position) == {way: set() for way in WAYS}
    missed = found.missed(state, late)
    report("missed of 5 by a page whose position is too late", {way: len(missed[way]) for way in WAYS})
    assert missed == dict.fromkeys(WAYS, tasks)


def microseconds(position):
    return int(position.rpartition("-")[2])

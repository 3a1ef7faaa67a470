"""sync_cable.client, both of it, against real servers: told, away, back, refused, closed."""

import asyncio
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from notifications.client import AsyncCable, Cable, Change, Disconnected, Refetch, Refused
from tests.support.processes import free_port
from tests.support.redis import RedisServer
from tests.support.site import new_site
from tests.support.waiting import eventually


class Listener(threading.Thread):
    """Runs one of the two; told: all that it said. failure: what ended it."""

    def __init__(self, cable):
        super().__init__()
        self.cable = cable
        self.told = []
        self.failure = None

    def run(self):
        try:
            self.listen()
        except Exception as exc:
            self.failure = exc

    def tasks(self):
        return [each.id for each in self.told if isinstance(each, Change)]

    def refetches(self):
        return [each.reason for each in self.told if isinstance(each, Refetch)]


class SyncListener(Listener):
    def __init__(self, *words, **options):
        super().__init__(Cable(*words, **options))

    def listen(self):
        for each in self.cable:
            self.told.append(each)

    def close(self):
        self.cable.close()


class AsyncListener(Listener):
    def __init__(self, *words, **options):
        super().__init__(AsyncCable(*words, **options))
        self._loop = asyncio.new_event_loop()

    def listen(self):
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._listen())

    async def _listen(self):
        async with self.cable:
            async for each in self.cable:
                self.told.append(each)

    def close(self):
        if self._loop.is_running():
            asyncio.run_coroutine_threadsafe(self.cable.close(), self._loop).result(10)


@pytest.fixture(params=[SyncListener, AsyncListener], ids=["sync", "async"])
def kind(request):
    return request.param


@contextmanager
def listening(kind, *words, **options):
    listener = kind(*words, **options)
    listener.start()
    try:
        yield listener
    finally:
        listener.close()
        listener.join(15)
        assert not listener.is_alive()


def hears(listener, *tasks):
    eventually(lambda: set(tasks) <= set(listener.tasks()), 40, f"{tasks}: {listener.told}")


def test_it_is_told_and_closed(site, server, cooper, kind):
    with listening(kind, server.cable_url, token=cooper.token) as listener:
        eventually(lambda: listener.refetches() == ["start"], 15)
        hears(listener, task := site.new_task(cooper))
        at = site.touch(task)
        eventually(lambda: any(each.updated_at == at for each in listener.told[1:]), 15)
        assert listener.told[1].action == "create#tasks"
    assert listener.failure is None


def test_it_comes_back_where_it_was_and_misses_nothing(kind):
    redis = RedisServer()
    with new_site(redis) as site:
        cooper, [server] = site.new_person(), site.servers
        with listening(kind, server.cable_url, token=cooper.token) as listener:
            eventually(listener.refetches, 15)
            hears(listener, site.new_task(cooper))
            server.stop()
            missed = [site.new_task(cooper) for _ in range(3)]
            server.start()
            hears(listener, *missed)
            assert listener.refetches() == ["start"]
    redis.stop()


def test_another_one_goes_on_at_a_position(site, server, cooper, kind):
    with listening(kind, server.cable_url, token=cooper.token) as first:
        eventually(first.refetches, 15)
        hears(first, site.new_task(cooper))
        position = first.told[-1].position
    missed = site.new_task(cooper)
    with listening(kind, server.cable_url, token=cooper.token, position=position) as second:
        hears(second, missed)
        assert second.refetches() == []
        # Whoever consumed what was told goes on there.
        eventually(lambda: second.cable.position != position, 15)


def test_a_position_of_no_use_is_a_refetch(server, cooper, kind):
    position = "another-1515248100000000"
    with listening(kind, server.cable_url, token=cooper.token, position=position) as listener:
        eventually(lambda: listener.refetches() == ["history"], 15)


def test_whoever_is_refused_is_told_so_and_stays_away(server, kind):
    with listening(kind, server.cable_url, token="bad") as listener:
        eventually(lambda: listener.failure, 15)
    assert isinstance(listener.failure, Refused)
    assert listener.failure.reason == "unauthorized"


@pytest.mark.parametrize(("path", "said"), [("/elsewhere", "HTTP 403"), (None, "cannot connect to ws://")])
def test_whoever_does_not_want_to_come_back_is_told_why(server, cooper, kind, path, said):
    url = f"ws://127.0.0.1:{server.port}{path}" if path else f"ws://127.0.0.1:{free_port()}/cable"
    with listening(kind, url, token=cooper.token, reconnect=False) as listener:
        eventually(lambda: listener.failure, 15)
    assert isinstance(listener.failure, Disconnected)
    assert said in str(listener.failure)


def test_it_needs_no_settings_and_says_what_it_needs():
    script = (
        "import sys; sys.modules['websockets'] = None\n"
        "import importlib.util; real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name: None if name == 'websockets' else real(name)\n"
        "import notifications.client"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "pip install django-sync-cable[client]" in done.stderr
    used = "import notifications.client, sys; assert 'django' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", used]).returncode == 0

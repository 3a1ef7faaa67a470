"""
Processes without a hub that exit without any cleanup: their saves are delivered at once. The servers'
reconcile, once an hour, would not deliver them.
"""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from redis import Redis
from rq import Queue

from tests.end_to_end.faults.harness.load import LOAD
from tests.support.processes import Child, free_port
from tests.support.site import MANAGE, ROOT

BIN = Path(sys.executable).parent
SAVES = LOAD.saves

# One child process after the other, each of which ends right after its save.
FORKED = """
import os, signal
from django.db import connections
Task.objects.create(user_id={user}, label="of the parent")
connections.close_all()
for _ in range({saves}):
    child = os.fork()
    if child == 0:
        Task.objects.create(user_id={user}, label="of the child")
        {ending}
    os.waitpid(child, 0)
"""

# As uWSGI forks: Python's fork hooks do not run, and a lock that another thread held stays locked.
FORKED_UNKNOWN_TO_PYTHON = """
import ctypes, os
from django.conf import settings
from django.db import connections
from django.test import override_settings
from notifications.broker.publisher import publisher
with override_settings(CABLE=settings.CABLE | {{"PUBLISH": "background"}}):
    Task.objects.create(user_id={user}, label="of the parent")
own = publisher._own
locks = [own._lock, own._direct_lock, *(lane._lock for lane in own._lanes.values())]
connections.close_all()
publisher.flush(5)
for lock in locks:
    lock.acquire()
child = ctypes.PyDLL(None).fork()
if child == 0:
    Task.objects.create(user_id={user}, label="of the child")
    os._exit(0)
for lock in locks:
    lock.release()
os.waitpid(child, 0)
"""


@pytest.fixture
def env(site):
    return site.env | {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def workers():
    started = []

    def start(*command, env):
        started.append(Child(command, env=env, cwd=ROOT))
        return started[-1]

    yield start
    for child in started:
        child.stop()


@pytest.fixture
def socket(server, cooper):
    with server.connect(cooper) as found:
        found.subscribe()
        yield found


def hear(socket, count):
    """The ids of the next `count` created tasks, each received within 60 s of the one before."""
    heard = [socket.message(60) for _ in range(count)]
    assert {message["action"] for message in heard} == {"create#tasks"}
    found = {message["id"] for message in heard}
    assert len(found) == count
    return found


def run(site, code, **env):
    command = [*MANAGE, "shell", "--verbosity", "0", "-c", code]
    return subprocess.run(command, env=site.env | env, cwd=ROOT, timeout=60 + SAVES, check=False).returncode


@pytest.mark.parametrize("publish", ["auto", "background"])
def test_a11_a_script_that_ends_by_itself_is_heard(site, cooper, socket, publish):
    code = f"[Task.objects.create(user_id={cooper.pk}, label='x') for _ in range({SAVES})]"
    assert run(site, code, CABLE_PUBLISH=publish) == 0
    assert len(hear(socket, SAVES)) == SAVES


@pytest.mark.parametrize(
    "ending",
    ["os._exit(0)", "os.execvp('true', ['true'])", "os.kill(os.getpid(), signal.SIGTERM)"],
    ids=["exit", "exec", "sigterm"],
)
def test_a11_forked_children_that_end_hard_are_heard(site, cooper, socket, report, ending):
    assert run(site, FORKED.format(user=cooper.pk, ending=ending, saves=SAVES)) == 0
    report(f"told of so many that ended by {ending}", (len(hear(socket, SAVES + 1)) - 1, SAVES))


def test_a11_what_such_children_publish_in_the_background_is_lost(site, cooper, socket, report):
    """The control experiment: as before a commit waited for Redis in processes without a hub."""
    code = FORKED.format(user=cooper.pk, ending="os._exit(0)", saves=SAVES)
    assert run(site, code, CABLE_PUBLISH="background") == 0
    last = site.new_task(cooper)
    heard = set()
    while last not in heard:
        heard.add(socket.message(20)["id"])
    report("lost of so many, published in the background", (SAVES + 2 - len(heard), SAVES))
    assert len(heard) < SAVES + 2


def test_a11_flush_lets_a_process_that_publishes_in_the_background_end_hard(site, cooper, socket):
    code = f"""
import os, notifications
Task.objects.create(user_id={cooper.pk}, label="x")
os._exit(0 if notifications.flush(10) else 1)
"""
    assert run(site, code, CABLE_PUBLISH="background") == 0
    assert len(hear(socket, 1)) == 1


def test_a11_a_fork_that_python_does_not_know_of_neither_hangs_nor_loses(site, cooper, socket):
    assert run(site, FORKED_UNKNOWN_TO_PYTHON.format(user=cooper.pk)) == 0
    assert len(hear(socket, 2)) == 2


def test_a11_each_job_of_rq_is_heard_at_once(env, redis_server, workers, cooper, socket, report):
    """rq's worker forks for each job, and the child ends with os._exit()."""
    queue = Queue(connection=Redis.from_url(redis_server.url))
    for _ in range(SAVES):
        queue.enqueue("tests.support.workers.save", cooper.pk)
    workers(BIN / "rq", "worker", "--burst", "--url", redis_server.url, env=env)
    report("told of so many jobs of rq", (len(hear(socket, SAVES)), SAVES))


def test_a11_each_task_of_celery_with_a_child_each_is_heard_at_once(env, workers, cooper, socket, report):
    child = "--concurrency=2", "--max-tasks-per-child=1", "-O", "fair"
    quiet = "--without-gossip", "--without-mingle", "--without-heartbeat"
    workers(BIN / "celery", "-A", "tests.support.workers", "worker", *child, *quiet, env=env)
    send = f"import tests.support.workers as w\nfor _ in range({SAVES}): w.save_in_celery.delay({cooper.pk})"
    subprocess.run([sys.executable, "-c", send], env=env, cwd=ROOT, check=True)
    report("told of so many tasks of celery", (len(hear(socket, SAVES)), SAVES))


@pytest.mark.parametrize("options", [[], ["--enable-threads"], ["--enable-threads", "--py-call-osafterfork"]])
def test_a11_workers_of_uwsgi_forked_after_a_save_answer_and_are_heard(env, workers, cooper, socket, options):
    port = free_port()
    server = ["--http-socket", f"127.0.0.1:{port}", "--master", "--processes", "2", "--die-on-term"]
    server += ["--no-orphans", "--worker-reload-mercy", "2"]
    python = ["--home", str(BIN.parent), "--wsgi", "tests.support.workers", "--need-app", *options]
    uwsgi = workers(
        BIN / "uwsgi", *server, *python, env=env | {"LESSY_TEST_SAVE_BEFORE_FORK": str(cooper.pk)}
    )
    uwsgi.wait_until_it_answers(port)
    saved = {int(httpx.get(f"http://127.0.0.1:{port}/?{cooper.pk}", timeout=20).text) for _ in range(4)}
    assert saved < hear(socket, 5)


def test_a_command_does_not_wait_for_a_redis_that_is_known_to_be_away(site):
    """FLUSH_TIMEOUT is ten minutes, which the command would wait for if Redis were not known to be down."""
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "CABLE_FLUSH_TIMEOUT": "600"}
    person = site.new_person()
    assert run(site, f"Task.objects.create(user_id={person.pk}, label='x')", **away) == 0

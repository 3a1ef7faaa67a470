"""Whoever starts a server, or a client, is told in a sentence what hinders it; and the status is not 0."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.end_to_end.test_commands import run
from tests.support.processes import Child, free_port
from tests.support.site import MANAGE, ROOT
from tests.support.waiting import eventually

SUBSCRIBE = [sys.executable, ROOT / "examples" / "subscribe.py"]


@pytest.fixture
def taken():
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def silent(taken):
    """A PostgreSQL that takes connections, and says nothing."""
    return f"postgres://lessy:hunter2@127.0.0.1:{taken}/lessy"


@pytest.mark.parametrize("words", [["--noreload"], []])
def test_b3_runserver_on_a_taken_port_says_so_and_fails(site, taken, words):
    code, output, errors = run(site, "runserver", *words, str(taken))
    assert code == 1
    assert f"cannot listen on 127.0.0.1:{taken}: another program listens there" in errors
    assert "http://" not in output


def test_b3_make_run_on_a_taken_port_says_which_to_ask_for(taken):
    """Before it prints an address, or touches a database."""
    installed = [".venv/.installed", "lessy/web/node_modules/.installed"]
    command = ["make", "run", f"PORT={taken}", *(word for name in installed for word in ("-o", name))]
    # As from a shell: below another make, it would say which folder it enters.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"Cannot serve on port {taken}: another program listens there" in done.stderr
    assert "make run PORT=" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("port", ["", "http", "0", "65536", "9" * 5000])
def test_b3_a_port_that_is_none_is_refused(port):
    done = subprocess.run(
        [sys.executable, "-m", "notifications.server.ports", port],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("PORT=")
    assert "expected a number from 1 to 65535\n" in done.stderr


@pytest.mark.parametrize(
    ("bind", "why"),
    [
        ("127.0.0.1:{taken}", "another program listens there"),
        ("203.0.113.9:{taken}", "this machine has no such address"),
        ("no-such-host.invalid:{taken}", "unknown host"),
        ("127.0.0.1", "expected HOST:PORT"),
        ("127.0.0.1:x", "expected HOST:PORT"),
    ],
)
def test_b3_serve_says_itself_why_it_cannot_listen(site, taken, bind, why):
    code, _, errors = run(site, "serve", "--bind", bind.format(taken=taken))
    last = errors.splitlines()[-1]
    assert (code, last.startswith("CommandError: --bind "), last.endswith(why)) == (1, True, True), errors


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "soon"])
def test_b3_a_drain_that_cannot_be_is_refused(site, seconds):
    code, _, errors = run(site, "serve", f"--drain={seconds}")
    assert code != 0
    assert "--drain: " in errors


@contextmanager
def serving(site, database):
    env = site.env | {"DATABASE_URL": database}
    child = Child([*MANAGE, "serve", "--bind", f"127.0.0.1:{free_port()}", "--drain", "0"], env=env, cwd=ROOT)
    try:
        yield child
    finally:
        child.stop()


def test_b3_serve_says_of_a_database_that_refuses_and_waits(site):
    port = free_port()
    with serving(site, f"postgres://lessy:hunter2@127.0.0.1:{port}/lessy") as child:
        eventually(lambda: f"the database 127.0.0.1:{port}/lessy does not answer" in child.log, 20)
        eventually(lambda: "Listening on TCP address" in child.log, 20)
        assert child.running
        assert "hunter2" not in child.log


def test_b3_serve_says_of_a_database_that_is_silent(site, silent):
    with serving(site, silent) as child:
        eventually(lambda: "has not answered for 1.5 s; waiting for it" in child.log, 20)
        assert child.running
        assert "hunter2" not in child.log


def test_b3_serve_says_of_a_database_without_tables(site, tmp_path):
    with serving(site, f"sqlite:///{tmp_path}/empty.sqlite3") as child:
        eventually(lambda: "migrations: manage.py migrate" in child.log, 20)


def test_b3_a_start_warns_of_nothing(site, server):
    """Twisted warned of a log that was begun twice."""
    assert "Listening on TCP address" in server.child.log
    assert "log target" not in server.child.log


@pytest.mark.parametrize("words", [["cable_tail"], ["serve", "--bind", "127.0.0.1:{port}", "--drain", "0"]])
def test_b3_ctrl_c_ends_quietly(site, words):
    port = free_port()
    child = Child([*MANAGE, *(word.format(port=port) for word in words)], env=site.env, cwd=ROOT)
    eventually(lambda: "listening" in child.log.lower(), 20, "its start")
    child.signal(signal.SIGINT)
    child.process.wait(15)
    assert "Traceback" not in child.log
    child.stop()


def test_b3_ctrl_c_ends_any_command_quietly(site):
    script = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    code, _, errors = run(site, "shell", "-c", script)
    assert (code, errors) == (130, "")


@pytest.mark.parametrize("words", [["seed"], ["issue_token", "x"], ["cable_check"], ["cable_renew_epoch"]])
def test_b3_a_database_without_tables_is_told_in_a_line(site, tmp_path, words):
    env = {"DATABASE_URL": f"sqlite:///{tmp_path}/empty.sqlite3", "DJANGO_DEBUG": "on"}
    code, output, errors = run(site, *words, **env)
    assert (code, "no such table" in output + errors) == (1, True)


def test_b3_a_count_below_nothing_is_refused(site):
    code, _, errors = run(site, "cable_tail", "--count", "-1")
    assert (code, "--count" in errors) == (2, True)


# examples/subscribe.py


def subscribed(*words):
    done = subprocess.run(
        [*SUBSCRIBE, *words], capture_output=True, text=True, check=False, timeout=60, env=os.environ
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr.strip()


def test_b3_the_example_explains_itself(server, cooper):
    refused = f"ws://127.0.0.1:{free_port()}/cable"
    for words, told in [
        ([], "usage: python examples/subscribe.py"),
        (["http://127.0.0.1/cable", "x"], "is not a URL such as"),
        (["ws://[", "x"], "is not a URL such as"),
        ([refused, "x"], f"cannot connect to {refused}"),
        ([f"ws://127.0.0.1:{server.port}/elsewhere", "x"], "is it the path of the cable?"),
        ([server.cable_url, "nobody's token"], "the server disconnects: unauthorized"),
        ([server.cable_url, "a\nb"], "a token is one line of ASCII"),
    ]:
        code, errors = subscribed(*words)
        assert (code, told in errors) == (1, True), errors


def test_b3_the_example_prints_until_its_server_goes(site, cooper):
    server = site.serve()
    child = Child([*SUBSCRIBE, server.cable_url, cooper.token], env=os.environ)
    eventually(lambda: '{"refetch": "start"}' in child.log, 20)
    task = site.new_task(cooper)
    eventually(lambda: f'"id": {task}' in child.log, 20)
    server.child.kill()
    assert child.process.wait(15) == 1
    assert "Traceback" not in child.log
    assert "the connection was lost" in child.log
    child.stop()


def test_b3_the_example_ends_quietly_with_ctrl_c(server, cooper):
    child = Child([*SUBSCRIBE, server.cable_url, cooper.token], env=os.environ)
    eventually(lambda: '{"refetch": "start"}' in child.log, 20)
    child.signal(signal.SIGINT)
    assert child.process.wait(15) == 130
    assert "Traceback" not in child.log
    child.stop()

"""manage.py cable_check in a third-party project: tests the whole path, for any user, and writes nothing."""

import json
import sqlite3
from contextlib import closing

import pytest

from tests.plugged.installation import CABLE_SERVE

STEPS = ["database", "processes", "user", "connect", "subscribe", "notify", "ping"]


@pytest.fixture(scope="module")
def server(library):
    return library.serve(CABLE_SERVE)


@pytest.fixture
def check(library, server):
    """check(*words) returns the exit status, and the steps by name."""

    def run(*words, url=server.url, **env):
        done = library.run("cable_check", "--json", "--url", url, *words, **env)
        assert "Traceback" not in done.stderr
        found = json.loads(done.stdout)
        assert found["ok"] is (done.returncode == 0)
        return done.returncode, {step["name"]: step for step in found["steps"]}

    return run


def everything(library):
    """All rows of all tables."""
    with closing(sqlite3.connect(library.env["PLUGGED_DATABASE"])) as database:
        return list(database.iterdump())


def new_book(library, name):
    return library.script(f"print(Book.objects.create(reader=User.objects.get(username={name!r})).pk)")


def test_17_it_goes_the_whole_way_as_nobody_and_writes_nothing(library, server, check):
    library.script("from sync_cable.models import Epoch; Epoch.current()")
    before = everything(library)
    code, steps = check()
    assert (code, list(steps)) == (0, STEPS), steps
    assert all(step["ok"] for step in steps.values())
    assert everything(library) == before


@pytest.mark.parametrize("which", ["name", "key"])
def test_17_it_announces_a_row_of_a_user_again_and_writes_nothing(library, server, check, alices, which):
    book = new_book(library, "alice")
    before = everything(library)
    key = library.script("print(User.objects.get(username='alice').pk)")
    with server.connect(alices) as socket:
        socket.subscribe()
        code, steps = check("--user", {"name": "alice", "key": key}[which])
        assert (code, list(steps)) == (0, STEPS), steps
        assert f"row {book} of books was announced" in steps["notify"]["detail"]
        heard = [socket.message()]
        while heard[-1]["action"] != "update#books":
            heard.append(socket.message())
        assert heard[-1]["id"] == book
    assert everything(library) == before


def test_17_it_tries_a_log_in_that_it_is_given(library, check, alices):
    new_book(library, "alice")
    code, steps = check("--user", "alice", "--header", f"Cookie: sessionid={alices}")
    assert (code, steps["notify"]["ok"]) == (0, True), steps
    assert "--header" in steps["user"]["detail"]


def test_17_a_log_in_that_is_not_good_fails_where_it_is_asked_for(check):
    code, steps = check("--user", "alice", "--header", "Cookie: sessionid=hunter2")
    *_, last = steps.values()
    assert (code, last["name"], "unauthorized" in last["detail"]) == (1, "connect", True)
    assert "hunter2" not in json.dumps(steps)


def test_17_a_user_without_rows_has_nothing_that_could_be_announced(check):
    code, steps = check("--user", "bob")
    assert (code, steps["notify"]["ok"]) == (0, None)
    assert "bob has no row" in steps["notify"]["detail"]


@pytest.mark.parametrize(
    ("words", "env", "name"),
    [
        (["--user", "nobody"], {}, "user"),
        (["--user", "9" * 30], {}, "user"),
        (["--header", "Cookie: sessionid=x"], {}, "user"),
        (["--url", "ws://127.0.0.1:1/cable"], {}, "connect"),
        ([], {"DJANGO_SECRET_KEY": "another-key-that-is-long-enough-for-a-test"}, "processes"),
    ],
)
def test_17_what_fails_says_where_to_look(check, words, env, name):
    code, steps = check(*words, **env)
    *good, bad = steps.values()
    assert (code, bad["name"], bool(bad["hint"])) == (1, name, True)
    assert all(step["ok"] for step in good)


@pytest.mark.parametrize("header", ["sessionid", "Cookie:", ": hunter2", "Cookie: a\r\nHost: hunter2"])
def test_17_what_is_no_header_is_refused_and_not_shown(library, header):
    done = library.run("cable_check", "--header", header)
    assert done.returncode != 0
    assert "expected NAME: VALUE" in done.stderr
    assert "hunter2" not in done.stderr

"""manage.py cable_serve in a third-party project: what it serves, how it drains, and its messages."""

import json
import signal
import subprocess

import pytest

from tests.plugged.installation import CABLE_SERVE, message_of
from tests.support.processes import free_port
from tests.support.waiting import eventually

RESTART = {"type": "disconnect", "reason": "server_restart", "reconnect": True}
CABLE_ONLY = [*CABLE_SERVE, "--cable-only"]
# A Python in which daphne is not installed.
NO_DAPHNE = """
import sys
from importlib.machinery import PathFinder

class WithoutDaphne(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] == "daphne" else super().find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutDaphne
"""


@pytest.fixture(scope="module")
def alone(library):
    """cable_serve --cable-only, beside a server of the project that needs no ASGI. daphne is not an app."""
    env = {"PLUGGED_APPS": "", "PLUGGED_ASGI": "", "PLUGGED_CABLE": json.dumps({"METRICS_TOKEN": "secret"})}
    return library.serve(CABLE_ONLY, **env)


def new_book(library, name="alice"):
    return library.script(f"print(Book.objects.create(reader=User.objects.get(username={name!r})).pk)")


@pytest.mark.parametrize("apps", ["daphne", ""])
def test_17_it_serves_the_project_says_so_and_drains(library, alices, apps):
    server = library.serve(CABLE_SERVE, PLUGGED_APPS=apps)
    eventually(lambda: f"listening on 127.0.0.1:{server.port}" in server.child.log, 20, "the word of it")
    assert server.get("/in?name=alice&password=secret").status_code == 204
    with server.connect(alices) as socket:
        socket.subscribe()
        pk = new_book(library)
        assert message_of(socket, pk) == {"action": "create#books", "id": pk}
        server.child.signal(signal.SIGTERM)
        assert socket.frame() == RESTART
        assert server.child.process.wait(30) == 0
    # The project's LOGGING applies, and no line contains the secret of the query string.
    assert "INFO sync_cable.server.access 127.0.0.1" in server.child.log
    assert "/in 204" in server.child.log
    assert "secret" not in server.child.log


def test_17_its_backlog_survives_a_storm(alone):
    listening = ["ss", "-Hltn", f"sport = :{alone.port}"]
    _, _, backlog, *_ = subprocess.run(listening, check=True, capture_output=True, text=True).stdout.split()
    assert int(backlog) > 2_000


def test_17_the_cable_alone_delivers(library, alone, alices):
    with alone.connect(alices) as socket:
        socket.subscribe()
        pk = new_book(library)
        assert message_of(socket, pk) == {"action": "create#books", "id": pk}


@pytest.mark.parametrize(
    "path", ["/in?name=alice&password=secret", "/", "/cable", "/health", "/health/live/x"]
)
def test_17_the_cable_alone_serves_no_page_of_the_project(alone, path):
    answer = alone.get(path)
    assert (answer.status_code, "set-cookie" in answer.headers) == (404, False)


def test_17_the_cable_alone_says_how_it_is(alone):
    assert alone.get("/health/live").json() == {"status": "ok"}
    eventually(lambda: alone.get("/health/ready").status_code == 200, 30, "its readiness")
    assert alone.get("/health/ready").json()["broker"] is True


def test_17_the_cable_alone_tells_its_metrics_to_whoever_has_the_token(alone):
    assert alone.get("/metrics").status_code == 401
    assert "cable_connections" in alone.get("/metrics", Authorization="Bearer secret").text


def test_17_the_cable_alone_may_be_at_another_path(library, alices):
    server = library.serve(CABLE_ONLY, "--path", "/ws/changes/")
    with pytest.raises(Exception, match="403"):
        server.connect(alices)
    with server.connect(alices, path="/ws/changes") as socket:
        socket.subscribe()


def test_17_without_daphne_a_sentence_says_what_to_install(library, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(NO_DAPHNE)
    path = f"{tmp_path}:{library.env['PYTHONPATH']}"
    done = library.run("cable_serve", PLUGGED_APPS="", PYTHONPATH=path)
    assert done.returncode == 1
    assert 'pip install "django-sync-cable[daphne]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_17_a_port_that_is_taken_is_said_in_a_sentence(library, alone):
    done = library.run("cable_serve", "--bind", f"127.0.0.1:{alone.port}")
    assert done.returncode == 1
    assert "cannot listen: another program listens there" in done.stderr
    assert "Traceback" not in done.stderr


def test_17_a_wrong_setting_is_said_before_anything_listens(library):
    wrong = json.dumps({"SERVER": {"DRAIN_SECONDS": -1, "NAME": "x\r\ny"}})
    port = free_port()
    done = library.run("cable_serve", "--bind", f"127.0.0.1:{port}", PLUGGED_CABLE=wrong)
    assert done.returncode == 1
    assert "settings.CABLE['SERVER']['DRAIN_SECONDS'] is -1: expected a number, 0 or more" in done.stderr
    assert "settings.CABLE['SERVER']['NAME']" in done.stderr
    assert "listening" not in done.stdout

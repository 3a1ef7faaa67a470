"""pip install . : what the wheel holds, and that it works in a project that has nothing else of this one."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.cable import CableSocket
from tests.support.processes import Child, free_port
from tests.support.site import ROOT


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # Setuptools writes beside its source, and a test leaves no traces.
    shutil.copytree(ROOT / "notifications", source / "notifications")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", *offline, "--wheel-dir", folder, source)
    [found] = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A Python that has the wheel, and what it requires; and a folder with a project that knows only them."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder / "venv", with_pip=True)
    python = folder / "venv/bin/python"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    # What the wheel requires is taken from where these tests run, rather than fetched again.
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib"))
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    shutil.copytree(ROOT / "tests/plugged", folder / "tests/plugged")
    return python, folder


def test_the_wheel_holds_the_cable_and_nothing_else(wheel):
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"notifications", "django_sync_cable-1.0.0.dist-info"}
    for wanted in (
        "py.typed",
        "migrations/0001_initial.py",
        "management/commands/cable_renew_epoch.py",
        "templates/admin/notifications/cable.html",
    ):
        assert f"notifications/{wanted}" in names


def test_what_is_installed_notifies_in_a_project_of_its_own(installed, redis_server, tmp_path):
    python, folder = installed
    env = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {
        "DJANGO_SETTINGS_MODULE": "tests.plugged.settings",
        "DJANGO_SECRET_KEY": "not-a-secret-but-long-enough-for-a-test",
        "PLUGGED_DATABASE": str(tmp_path / "library.sqlite3"),
        "REDIS_URL": redis_server.url,
    }

    def django(*words):
        return run(python, "-m", "django", *words, env=env, cwd=folder)

    def shell(code):
        return django("shell", "--verbosity", "0", "-c", code)

    django("migrate", "--verbosity", "0")
    assert str(folder) in shell("import notifications; print(notifications.__file__)")
    shell("from django.contrib.auth.models import User; User.objects.create_user('alice')")
    key = shell(SIGN_IN)
    port = free_port()
    server = Child(
        [python, "-m", "daphne", "-p", port, "tests.plugged.asgi:application"], env=env, cwd=folder
    )
    server.wait_until_it_answers(port)
    try:
        with CableSocket(f"ws://127.0.0.1:{port}/cable", headers={"Cookie": f"sessionid={key}"}) as socket:
            socket.subscribe()
            pk = shell(CREATE)
            assert socket.message() == {"action": "create#books", "id": pk}
    finally:
        server.stop()


SIGN_IN = """
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
request = HttpRequest()
request.session = SessionStore()
login(request, User.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
request.session.save()
print(request.session.session_key)
"""

CREATE = """
from django.contrib.auth.models import User
from tests.plugged.library.models import Book
print(Book.objects.create(reader=User.objects.get()).pk)
"""

"""`manage.py test` of somebody's project: whatever the cable lacks, it neither stops, delays nor warns."""

import os
import socket
import subprocess
import sys

import pytest

from tests.support.processes import free_port
from tests.support.site import ROOT

SETTINGS = """
SECRET_KEY = "not-a-secret-but-long-enough-for-a-test"
DEBUG = {debug}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["library", "notifications", "django.contrib.auth", "django.contrib.contenttypes"]
DATABASES = {{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "library.sqlite3"}}}}
CABLE = {{
    "RESOURCES": {{"books": {{"model": "library.Book", "owner": "reader", "created_at": ""}}}},
    # Whoever waited for one of these would never come back.
    "FLUSH_TIMEOUT": 3600,
    "PUBLISH_TIMEOUT": 3600,
    "SYNCHRONOUS_TIMEOUT": 0.1,
    **{cable},
}}
CHANNEL_LAYERS = {{"default": {layer}}}
# These run with the lowest versions too (make versions).
SILENCED_SYSTEM_CHECKS = ["sync_cable.W009"]
"""
MODELS = """
from django.conf import settings
from django.db import models

class Book(models.Model):
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    updated_at = models.DateTimeField(auto_now=True)
"""
TESTS = """
from django.contrib.auth.models import User
from django.test import TransactionTestCase
from library.models import Book

class Books(TransactionTestCase):
    def test_it_saves(self):
        Book.objects.create(reader=User.objects.create_user("laura"))
"""
IN_MEMORY = {"BACKEND": "channels.layers.InMemoryChannelLayer"}


def redis_at(port):
    layer = "channels_redis.pubsub.RedisPubSubChannelLayer"
    return {"BACKEND": layer, "CONFIG": {"hosts": [f"redis://127.0.0.1:{port}/0"]}}


@pytest.fixture
def silent_port():
    """Of a server that lets everybody in and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def run_tests(tmp_path):
    def run(layer, *, debug=False, cable=None):
        library = tmp_path / "library"
        library.mkdir()
        for path, text in {"__init__": "", "models": MODELS, "tests": TESTS}.items():
            (library / f"{path}.py").write_text(text)
        settings = SETTINGS.format(debug=debug, cable=cable or {}, layer=layer)
        (tmp_path / "library_settings.py").write_text(settings)
        env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "library_settings",
            "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]),
        }
        command = [sys.executable, "-m", "django", "test", "library"]
        done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        assert "Ran 1 test" in done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("debug", [True, False])
def test_the_in_memory_layer_stops_no_test_run(run_tests, debug):
    assert "sync_cable" not in run_tests(IN_MEMORY, debug=debug)


@pytest.mark.parametrize("kind", ["refuses", "is silent"])
def test_without_redis_a_test_run_neither_waits_nor_warns(run_tests, silent_port, kind):
    said = run_tests(redis_at(silent_port if kind == "is silent" else free_port()))
    assert "publish" not in said
    assert "unavailable" not in said


def test_what_is_wrong_is_a_warning_in_a_test_run(run_tests):
    said = run_tests(IN_MEMORY, cable={"PING_INTERVAL": 0})
    assert "WARNINGS" in said
    assert "sync_cable.E002" in said

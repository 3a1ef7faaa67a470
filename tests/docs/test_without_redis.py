"""docs/without-redis.md: its settings pass the checks, and its variables are read."""

import os
import subprocess
import sys

import pytest
from django.core.checks import run_checks

from notifications.broker.installation import prefix
from tests.docs.pages import block
from tests.support.site import ROOT

PAGE = "docs/without-redis.md"
BOOKS = {"tasks": {"model": "tasks.Task", "owner": "user"}}
TELL = "from django.conf import settings; print(settings.CABLE['BROKER'], settings.CABLE.get('BROKER_URL'))"


@pytest.mark.parametrize("words", ["BROKER", "RECONCILE_INTERVAL"])
def test_the_settings_pass_the_checks(settings, monkeypatch, postgres_server, words):
    monkeypatch.setattr("notifications.broker_checks.in_test_run", lambda: False)
    monkeypatch.setattr("notifications.ground.test_run.in_test_run", lambda: False)
    names = {"books": BOOKS}
    exec(block(PAGE, "python", words).text, names)
    if words == "BROKER":
        # The default database of this test run may be SQLite.
        names["CABLE"]["BROKER_URL"] = postgres_server.url
    for name in ("CABLE", "CHANNEL_LAYERS"):
        if name in names:
            setattr(settings, name, names[name])
    assert [found for found in run_checks(tags=["sync_cable"]) if found.level >= 40] == []
    assert prefix()


def test_the_variables_are_read():
    said = dict(line.split("=", 1) for line in block(PAGE, "sh").text.splitlines())
    keys = {name: value for name, value in os.environ.items() if not name.startswith("REDIS_")}
    done = subprocess.run(
        [sys.executable, "-c", f"import django; django.setup(); {TELL}"],
        env=keys | said | {"DJANGO_SETTINGS_MODULE": "lessy.settings", "DJANGO_DEBUG": "on"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["postgresql", said["CABLE_BROKER_URL"]], done.stderr

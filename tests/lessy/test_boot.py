"""What stops a boot is said in a line; a checkout in which nothing can be written does not stop it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lessy

ROOT = Path(lessy.__file__).parents[1]
TOLD = {"DJANGO_SECRET_KEY": "not-a-secret-but-long-enough-for-a-test", "DJANGO_ALLOWED_HOSTS": "localhost"}


@pytest.fixture
def checkout(tmp_path):
    for name in ("lessy", "notifications", "projects", "tasks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("node_modules"))
    # Where it would make its folders is a file: that stops root, too, whom no permission does.
    (tmp_path / "var").touch()
    shutil.copy(ROOT / "manage.py", tmp_path)
    return tmp_path


def run(checkout, *words, **told):
    return subprocess.run(
        [sys.executable, *words],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], **told},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_checkout_that_cannot_be_written_boots(checkout):
    told = {
        **TOLD,
        "DATABASE_URL": f"sqlite:///{checkout / 'elsewhere.sqlite3'}",
    }
    booted = run(checkout, "-c", "import lessy.asgi; print(lessy.asgi.__file__)", **told)
    assert booted.returncode == 0, booted.stderr
    assert booted.stdout.strip() == str(checkout / "lessy" / "asgi.py")


def test_where_no_key_is_given_and_none_can_be_kept_that_is_said_in_a_line(checkout):
    refused = run(checkout, "manage.py", "check", DJANGO_DEBUG="true")
    assert refused.returncode == 1
    assert "DJANGO_SECRET_KEY is not set, and none can be kept: " in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize("command", ["check", "serve", "seed"])
def test_a_value_that_cannot_be_read_is_named_in_a_line(checkout, command):
    refused = run(checkout, "manage.py", command, **TOLD, DJANGO_DEBUG="maybe")
    assert refused.returncode == 1
    assert refused.stderr == "DJANGO_DEBUG='maybe': expected on or off\n"


def test_b2_all_that_is_wrong_is_said_at_once_and_no_secret_with_it(checkout):
    wrong = {
        "CABLE_OVERLAPP": "3",
        "DJANGO_SECRET_KEY": "hunter2",
        "DATABASE_URL": "foo://hunter2",
        "EMAIL_URL": "hunter2",
        "REDIS_URL": "redis://:hunter2,hunter2@localhost",
        "LESSY_HTTPS": "on",
    }
    for words in (["manage.py", "serve"], ["-c", "import lessy.asgi"]):
        refused = run(checkout, *words, **wrong)
        assert refused.returncode == 1
        # Of LESSY_HTTPS the proxies that it needs.
        for name in [*wrong, "DJANGO_ALLOWED_HOSTS", "LESSY_TRUSTED_PROXIES"]:
            assert name in refused.stderr
        assert "hunter2" not in refused.stderr


def test_an_origin_that_can_never_match_stops_the_server(checkout):
    told = {"DATABASE_URL": f"sqlite:///{checkout}/db.sqlite3", "REDIS_URL": "redis://127.0.0.1:1/0"}
    refused = run(checkout, "manage.py", "serve", **TOLD, **told, CABLE_ALLOWED_ORIGINS="https://*.example")
    assert refused.returncode == 1
    assert "settings.CABLE['ALLOWED_ORIGINS'] holds 'https://*.example'" in refused.stderr


def test_a_count_that_is_no_whole_number_is_refused(checkout):
    refused = run(checkout, "manage.py", "check", **TOLD, LESSY_MAX_TASKS="1.5", LESSY_MAX_PROJECTS="0")
    assert refused.returncode == 1
    assert "LESSY_MAX_TASKS='1.5': expected a whole number, at least 1" in refused.stderr
    assert "LESSY_MAX_PROJECTS='0': expected a whole number, at least 1" in refused.stderr


@pytest.mark.parametrize(
    "words",
    [["serve", "--help"], ["serve", "-h"], ["help", "serve"], ["cable_check", "--help"], ["help"], []],
)
def test_b2_help_needs_no_variable_and_none_that_is_right(checkout, words):
    for told in ({}, {"CABLE_OVERLAPP": "3", "DATABASE_URL": "foo://x"}):
        helped = run(checkout, "manage.py", *words, **told)
        assert helped.returncode == 0, helped.stderr
        assert "usage: manage.py" in helped.stdout or "cable_check" in helped.stdout
        assert helped.stderr == ""


def test_b2_the_client_of_2018_gets_its_milliseconds_by_a_variable(checkout):
    code = "from django.conf import settings; print(settings.CABLE['UPDATED_AT_UNIT'])"
    found = run(
        checkout,
        "-c",
        code,
        **TOLD,
        DJANGO_SETTINGS_MODULE="lessy.settings",
        CABLE_UPDATED_AT_UNIT="ms",
    )
    assert found.stdout.strip() == "ms", found.stderr

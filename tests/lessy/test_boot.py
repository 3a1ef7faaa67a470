"""What stops a boot is said in a line; a checkout in which nothing can be written does not stop it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lessy

ROOT = Path(lessy.__file__).parents[1]


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
        "DJANGO_SECRET_KEY": "k" * 50,
        "DJANGO_ALLOWED_HOSTS": "localhost",
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
    refused = run(checkout, "manage.py", command, DJANGO_DEBUG="maybe")
    assert refused.returncode == 1
    assert refused.stderr == "DJANGO_DEBUG='maybe': expected on or off\n"

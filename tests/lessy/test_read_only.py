"""A checkout in which nothing can be written boots all the same, once it is told where its data are."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import lessy

ROOT = Path(lessy.__file__).parents[1]


def test_a_checkout_that_cannot_be_written_boots(tmp_path):
    for name in ("lessy", "notifications", "projects", "tasks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("node_modules"))
    # Where it would make its folders is a file: that stops root, too, whom no permission does.
    (tmp_path / "var").touch()
    told = {
        "DJANGO_SECRET_KEY": "k" * 50,
        "DJANGO_ALLOWED_HOSTS": "localhost",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}",
    }
    booted = subprocess.run(
        [sys.executable, "-c", "import lessy.asgi; print(lessy.asgi.__file__)"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], **told},
        capture_output=True,
        text=True,
        check=False,
    )
    assert booted.returncode == 0, booted.stderr
    assert booted.stdout.strip() == str(tmp_path / "lessy" / "asgi.py")

"""
A real PostgreSQL, thrown away afterwards, for the length of a command:

    python -m tests.support.postgres pytest
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.processes import Child, free_port

# PostgreSQL refuses to run as root; Debian's package brings this user.
UNPRIVILEGED = "postgres"


def _binary(name: str) -> str:
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(packaged[-1]) if packaged else str(shutil.which(name) or name)


def _as_unprivileged() -> list[str]:
    return ["runuser", "-u", UNPRIVILEGED, "--"] if os.geteuid() == 0 else []


@contextmanager
def postgres() -> Iterator[str]:
    """Yields the URL of a database."""
    with tempfile.TemporaryDirectory(prefix="lessy-postgres-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        data, port = f"{folder}/data", free_port()
        user = ["--username", "lessy", "--auth", "trust", "--no-sync", "--encoding", "UTF8"]
        initdb = [*_as_unprivileged(), _binary("initdb"), *user, data]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/")
        options = ["-D", data, "-p", str(port), "-k", folder, "-c", "fsync=off", "-c", "max_connections=300"]
        child = Child([*_as_unprivileged(), _binary("postgres"), *options], cwd=Path("/"))
        try:
            child.wait_until_it_answers(port)
            yield f"postgres://lessy@127.0.0.1:{port}/postgres"
        finally:
            child.stop()


if __name__ == "__main__":
    with postgres() as url:
        sys.exit(subprocess.call(sys.argv[1:], env=os.environ | {"DATABASE_URL": url}))

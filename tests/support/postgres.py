"""
Runs a command with a real, temporary PostgreSQL:

    python -m tests.support.postgres pytest
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.rows import TupleRow

from tests.support.processes import Child, free_port
from tests.support.waiting import eventually

# PostgreSQL refuses to run as root; Debian's package brings this user.
UNPRIVILEGED = "postgres"


def _binary(name: str) -> str:
    packaged = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(packaged[-1]) if packaged else str(shutil.which(name) or name)


def as_unprivileged() -> list[str]:
    return ["runuser", "-u", UNPRIVILEGED, "--"] if os.geteuid() == 0 else []


class PostgresServer:
    """url: of its database."""

    def __init__(self, folder: str) -> None:
        self.port = free_port()
        self._server = f"postgres://lessy@127.0.0.1:{self.port}"
        self.url = f"{self._server}/postgres"
        self._data, self._sockets = f"{folder}/data", folder
        user = ["--username", "lessy", "--auth", "trust", "--no-sync", "--encoding", "UTF8"]
        initdb = [*as_unprivileged(), _binary("initdb"), *user, self._data]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.start()

    def start(self) -> None:
        options = ["-D", self._data, "-p", str(self.port), "-k", self._sockets]
        options += ["-c", "fsync=off", "-c", "max_connections=300"]
        self._child = Child([*as_unprivileged(), _binary("postgres"), *options], cwd=Path("/"))
        self._child.wait_until_it_answers(self.port)
        # It listens before it accepts logins.
        eventually(self._lets_in, 20, "PostgreSQL that lets somebody in")

    def _lets_in(self) -> bool:
        try:
            self._administer().close()
        except psycopg.OperationalError:
            return False
        return True

    def move_to(self, folder: Path) -> None:
        """
        Moves the tables and temporary files of the database. Requires that no client is connected to it. The
        write-ahead log stays.
        """
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        with self._administer() as connection:
            connection.execute(f"CREATE TABLESPACE elsewhere LOCATION '{folder}'")
            connection.execute("ALTER DATABASE postgres SET TABLESPACE elsewhere")

    def make_read_only(self, read_only: bool) -> None:
        """As a standby is; for connections made from now on."""
        value = "on" if read_only else "off"
        with self._administer() as connection:
            connection.execute(f"ALTER DATABASE postgres SET default_transaction_read_only = {value}")

    def _administer(self) -> psycopg.Connection[TupleRow]:
        return psycopg.connect(f"{self._server}/template1", autocommit=True)

    def stop(self) -> None:
        """PostgreSQL's fast shutdown: clients are disconnected at once."""
        pid = int(Path(self._data, "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGINT)
        self._child.stop()


@contextmanager
def new_postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="lessy-postgres-") as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, UNPRIVILEGED)
        server = PostgresServer(folder)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def postgres() -> Iterator[str]:
    """Yields the URL of a database."""
    with new_postgres() as server:
        yield server.url


if __name__ == "__main__":
    with postgres() as url:
        sys.exit(subprocess.call(sys.argv[1:], env=os.environ | {"DATABASE_URL": url}))

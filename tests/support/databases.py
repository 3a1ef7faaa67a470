"""A new database for a test's own site: PostgreSQL if DATABASE_URL names one, else SQLite."""

import atexit
import os
import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

# Settings module → a migrated SQLite database: to migrate takes seconds of CPU, to copy almost none.
_migrated: dict[str, Path] = {}


@contextmanager
def fresh_database() -> Iterator[str]:
    """Yields its URL."""
    configured = os.environ.get("DATABASE_URL", "")
    if configured.startswith("postgres"):
        with _postgres(configured) as url:
            yield url
        return
    with tempfile.TemporaryDirectory(prefix="lessy-") as folder:
        yield f"sqlite:///{folder}/site.sqlite3"


@contextmanager
def _postgres(server: str) -> Iterator[str]:
    import psycopg

    name = f"lessy_{secrets.token_hex(6)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def migrate(url: str, settings: str, run: Callable[[], object]) -> None:
    """run: applies the migrations of these settings to the new database."""
    file = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or file.exists():
        run()
    elif settings in _migrated:
        shutil.copyfile(_migrated[settings], file)
        # Each installation has its own epoch, which a migration creates.
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("UPDATE sync_cable_epoch SET value = ?", [secrets.token_urlsafe(9)])
    else:
        run()
        folder = Path(tempfile.mkdtemp(prefix="lessy-migrated-"))
        atexit.register(shutil.rmtree, folder)
        _migrated[settings] = Path(shutil.copyfile(file, folder / "site.sqlite3"))

"""A fresh database for a site of its own: of the kind that DATABASE_URL names, else SQLite."""

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit


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

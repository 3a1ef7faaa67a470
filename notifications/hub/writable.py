"""
Checks the databases. That of the epoch must be writable (one that is read-only or full answers every query,
and saves nothing); each that rows are read from must answer.
"""

import shutil
from pathlib import Path

from django.db import DatabaseError, OperationalError, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F

from ..changes.resources import resources
from ..ground.written import written_in
from ..models import Epoch

# A database with less room than this is full.
LEAST_FREE_BYTES = 1024 * 1024
_SPILL = """
SELECT count(filler) FROM (
    SELECT repeat('x', 1024) AS filler FROM generate_series(1, %s) AS number ORDER BY number DESC
) AS rows
"""


def require_writable() -> None:
    """Raises django.db.Error where a save would fail."""
    alias = written_in(Epoch)
    with transaction.atomic(using=alias):
        Epoch.objects.using(alias).filter(pk=1).update(value=F("value"))
        _require_room(connections[alias])


def require_databases() -> None:
    """Raises django.db.Error as require_writable; or, with its alias, if a database cannot be read from."""
    require_writable()
    for alias in sorted({each.written_in() for each in resources().values()} - {written_in(Epoch)}):
        try:
            with connections[alias].cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError as exc:
            raise OperationalError(f"{alias}: {exc}") from exc


def _require_room(connection: BaseDatabaseWrapper) -> None:
    """
    Raises if the disk is full. Existing pages can be overwritten then: our small write succeeds, a user's
    does not.
    """
    if connection.vendor == "sqlite":
        file = Path(connection.settings_dict["NAME"])
        if file.exists() and shutil.disk_usage(file).free < LEAST_FREE_BYTES:
            raise OperationalError("its disk is full")
    elif connection.vendor == "postgresql":
        _spill(connection, LEAST_FREE_BYTES)


def _spill(connection: BaseDatabaseWrapper, size: int) -> None:
    """
    Makes PostgreSQL write rows of this size to a temporary file, beside the tables. PostgreSQL does not
    report free disk space, and this leaves nothing to vacuum.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64kB'")
        cursor.execute("SET LOCAL temp_tablespaces = ''")
        cursor.execute(_SPILL, [size // 1024])

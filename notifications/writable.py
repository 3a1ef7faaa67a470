"""
Whether the database can be written to. One that is read-only or full answers every question, and saves
nothing.
"""

import shutil
from pathlib import Path

from django.db import OperationalError, connection, transaction
from django.db.models import F

from notifications.models import Epoch

# A database with less room than this is full.
LEAST_FREE_BYTES = 1024 * 1024
_SPILL = """
SELECT count(filler) FROM (
    SELECT repeat('x', 1024) AS filler FROM generate_series(1, %s) AS number ORDER BY number DESC
) AS rows
"""


def require_writable() -> None:
    """Raises django.db.Error where a save would fail."""
    with transaction.atomic():
        Epoch.objects.filter(pk=1).update(value=F("value"))
        _require_room()


def _require_room() -> None:
    """On a full disk what is there can be overwritten: our small write succeeds, a user's does not."""
    if connection.vendor == "sqlite":
        file = Path(connection.settings_dict["NAME"])
        if file.exists() and shutil.disk_usage(file).free < LEAST_FREE_BYTES:
            raise OperationalError("its disk is full")
    elif connection.vendor == "postgresql":
        _spill(LEAST_FREE_BYTES)


def _spill(size: int) -> None:
    """
    Have PostgreSQL put rows of so many bytes into a temporary file, beside the tables. It tells nobody how
    much room there is, and this leaves nothing to vacuum.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL work_mem = '64kB'")
        cursor.execute("SET LOCAL temp_tablespaces = ''")
        cursor.execute(_SPILL, [size // 1024])

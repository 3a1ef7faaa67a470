"""The maximum number of rows per user."""

from typing import Any

from django.db.models import QuerySet

from lessy.api.errors import ApiError


def refuse_more_than(limit: int, rows: QuerySet[Any], resource: str) -> None:
    """Call it before a row is created, under the owner's lock. Raises: reached_max."""
    if rows.count() >= limit:
        raise ApiError(
            "reached_max", pointer=f"/{resource}", detail=f"User cannot have more than {limit} {resource}s"
        )

"""
A saved instance as the row that an announcement needs.

What the instance does not know (a deferred column, an expression such as Now()) is read back, by one query
at most; what the announcement does not need is not read.
"""

import logging
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model

from ..conf import cable_settings
from .ownership import OWNER, TIME, UNKNOWN, known
from .resources import Resource
from .rows import Row, aware, next_version, now, to_python
from .steps import AUDIENCE

logger = logging.getLogger(__name__)

_warned: set[tuple[type[Model], str]] = set()

# The update_fields of a save; None for all.
Columns = Collection[str] | None


def row_of(
    resource: Resource, instance: Model, using: str, *, columns: Columns = None, created: bool = False
) -> Row:
    """
    The row as it is in the table now. If the save did not move updated_at, the row has a time for which
    clients refetch (docs/decisions/0028): a read of the tables will not find the change.
    """
    pk = to_python(resource.pk, getattr(instance, resource.pk.attname))
    values = _values(resource, instance, columns)
    if missing := _missing(resource, values, columns):
        values |= resource.rows(using).values(*missing).get(pk=pk)
    updated_at = values.get(resource.updated_at)
    stored = aware(updated_at) if isinstance(updated_at, datetime) else None
    moved = (created or _moved(resource, instance, stored, columns)) and not _is_late(resource, stored)
    return Row(
        pk=pk,
        owner=AUDIENCE if resource.audience else values[resource.owner],
        updated_at=stored if stored and moved else next_version(stored, now()),
        in_tables=moved and stored is not None,
        gone=values.get(resource.deleted_at) is not None,
        further=resource.further.members(values) if resource.further else "",
    )


def _values(resource: Resource, instance: Model, columns: Columns) -> dict[str, Any]:
    """The columns' values in the instance; UNKNOWN for those that it does not know."""
    values = {}
    if not resource.audience:
        values[resource.owner] = _owner(resource, instance, columns)
    if resource.updated_at:
        updated_at = instance.__dict__.get(resource.updated_at, UNKNOWN)
        is_time = updated_at is None or isinstance(updated_at, datetime)
        values[resource.updated_at] = updated_at if is_time else UNKNOWN
    if resource.deleted_at:
        values[resource.deleted_at] = _unless_expression(instance.__dict__.get(resource.deleted_at, UNKNOWN))
    for column in resource.further.columns if resource.further else ():
        values[column] = _further(resource, instance, column, columns)
    return values


def _further(resource: Resource, instance: Model, column: str, columns: Columns) -> Any:
    """As a read of the table would return it. A value that was assigned and not saved is not in the table."""
    field = resource.field(column)
    is_saved = field.primary_key or resource.includes(column, columns)
    if not is_saved or getattr(field, "generated", False):
        return UNKNOWN
    value = _unless_expression(instance.__dict__.get(column, UNKNOWN))
    return value if value is UNKNOWN or value is None else to_python(field, value)


def _owner(resource: Resource, instance: Model, columns: Columns) -> Any:
    if not resource.includes(resource.owner, columns):
        # Another owner may have been assigned and not saved.
        return known(instance, OWNER + resource.name)
    owner = _unless_expression(instance.__dict__.get(resource.owner, UNKNOWN))
    return owner if owner is UNKNOWN else to_python(resource.field(resource.owner), owner)


def _unless_expression(value: Any) -> Any:
    return UNKNOWN if hasattr(value, "resolve_expression") else value


def _missing(resource: Resource, values: dict[str, Any], columns: Columns) -> list[str]:
    unknown = [name for name, value in values.items() if value is UNKNOWN]
    is_told = resource.further is not None and resource.updated_at in resource.further.columns
    if unknown == [resource.updated_at] and not (is_told or resource.includes(resource.updated_at, columns)):
        return []  # it was not saved
    return unknown


def _moved(resource: Resource, instance: Model, updated_at: datetime | None, columns: Columns) -> bool:
    if not resource.updated_at:
        return False
    if not resource.includes(resource.updated_at, columns):
        _warn(resource, "was saved with update_fields (or after only() or defer()) that leave out %s")
        return False
    if updated_at is None or updated_at != _time_before(instance, resource):
        return True
    # Two saves in one tick of the clock are legitimate.
    if not getattr(resource.field(resource.updated_at), "auto_now", False):
        _warn(resource, "was saved with the %s that it had before")
    return False


def _is_late(resource: Resource, updated_at: datetime | None) -> bool:
    if updated_at is None or not _is_of_old(updated_at):
        return False
    _warn(resource, "was saved with a %s of long ago")
    return True


def _is_of_old(updated_at: datetime) -> bool:
    """Whether no read of the tables goes back so far, and a client's copy may be newer."""
    return updated_at < now() - timedelta(seconds=cable_settings().overlap)


def as_told(row: Row) -> Row:
    """For a row that just changed, and was read from its table: with a new time if its own is too old."""
    if not row.in_tables or not _is_of_old(row.updated_at):
        return row
    return replace(row, in_tables=False, updated_at=next_version(row.updated_at, now()))


def _time_before(instance: Model, resource: Resource) -> datetime | None:
    found = known(instance, TIME + resource.name)
    return aware(found) if isinstance(found, datetime) else None


def _warn(resource: Resource, problem: str) -> None:
    """Once for each model and problem."""
    if (resource.model, problem) in _warned:
        return
    _warned.add((resource.model, problem))
    logger.warning(
        f"%s {problem}: connected clients are told to refetch, clients that are offline miss the change",
        *(resource.model._meta.label, resource.updated_at),
    )

"""
A signal for instances that were read again. refresh_from_db() makes a second instance, for which Django sends
post_init, and copies its values to the first, for which Django sends nothing: what we remember of the first
instance would remain from its first read (docs/decisions/0042).
"""

import functools
from collections.abc import Collection
from typing import Any

from django.db.models import Model
from django.db.models.signals import ModelSignal

# instance; fields: the names asked for, either name of a foreign key, or None for all fields.
refreshed = ModelSignal()

_refresh = Model.refresh_from_db


@functools.wraps(_refresh)
def _refresh_and_send(
    self: Model, using: str | None = None, fields: Any = None, *args: Any, **options: Any
) -> None:
    # A list, because the first receiver would exhaust an iterator.
    names = None if fields is None else list(fields)
    _refresh(self, using, names, *args, **options)
    refreshed.send(sender=type(self), instance=self, fields=names)


def watch_refreshes() -> None:
    """From now on. Calling it again changes nothing."""
    Model.refresh_from_db = _refresh_and_send  # type: ignore[method-assign]


def names_column(model: type[Model], attribute: str, fields: Collection[str] | None) -> bool:
    """Whether a column is among the fields of a refresh, or of a save."""
    if fields is None:
        return True
    field = model._meta.get_field(attribute)
    return not {field.name, attribute}.isdisjoint(fields)

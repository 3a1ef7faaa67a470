"""
A signal for instances that were read again. Django sends post_init for the instance that refresh_from_db()
makes, and nothing for the one that takes over its values; what was remembered of that one would be of its
first reading (docs/decisions/0042).
"""

import functools
from collections.abc import Collection
from typing import Any

from django.db.models import Model
from django.db.models.signals import ModelSignal

# instance, fields: those that were asked for, by either name of a foreign key; None for all that it has.
refreshed = ModelSignal()

_refresh = Model.refresh_from_db


@functools.wraps(_refresh)
def _refresh_and_send(
    self: Model, using: str | None = None, fields: Any = None, *args: Any, **options: Any
) -> None:
    # An iterator would be used up by the first who asks.
    names = None if fields is None else list(fields)
    _refresh(self, using, names, *args, **options)
    refreshed.send(sender=type(self), instance=self, fields=names)


def watch_refreshes() -> None:
    """From now on; to call it again changes nothing."""
    Model.refresh_from_db = _refresh_and_send  # type: ignore[method-assign]


def names_column(model: type[Model], attribute: str, fields: Collection[str] | None) -> bool:
    """Whether a column is among the fields of a refresh, or of a save."""
    if fields is None:
        return True
    field = model._meta.get_field(attribute)
    return not {field.name, attribute}.isdisjoint(fields)

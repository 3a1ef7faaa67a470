"""
Many-to-many relations whose changes are changes of the row: CABLE["RESOURCES"][…]["relations"].

The row's update time is moved with them; otherwise clients that are offline would miss the change.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from typing import Any

from django.db.models import Model
from django.db.models.signals import m2m_changed

from ..ground.watching import Receiver
from .bulk import touch
from .resources import Resource, resources

# On instance._state: what a clear() is about to take away.
_CLEARED = "cable_cleared:"


def _changed(
    resource: Resource,
    field: Any,
    instance: Model,
    action: str,
    reverse: bool,
    pk_set: Collection[Any] | None = None,
    using: str = "default",
    **_: Any,
) -> None:
    """Receiver of m2m_changed. reverse: the change was made at the end that does not hold the relation."""
    here, there = _ends(field, reverse)
    stash = f"{_CLEARED}{resource.name}:{field.name}"
    if action == "pre_clear" and there:
        setattr(instance._state, stash, _rows_at(field, instance, using))
    elif action in ("post_add", "post_remove", "post_clear") and (pk_set or action == "post_clear"):
        others = pk_set or instance._state.__dict__.pop(stash, ())
        touch(resource, {*([instance.pk] if here else ()), *(others if there else ())}, using)


def _ends(field: Any, reverse: bool) -> tuple[bool, bool]:
    """Whether the row is at this end of the change, and at the other; of a symmetrical one, at both."""
    if getattr(field.remote_field, "symmetrical", False):
        return True, True
    at_row = reverse == bool(field.auto_created)
    return at_row, not at_row


def _rows_at(field: Any, other: Model, using: str) -> list[Any]:
    """The primary keys of the rows that are related to this."""
    rows = field.model._base_manager.using(using).filter(**{field.name: other.pk})
    return list(rows.values_list("pk", flat=True))


def receivers() -> Iterator[Receiver]:
    for resource, field in _relations():
        through = (field if field.auto_created else field.remote_field).through
        call = partial(_changed, resource, field)
        yield Receiver(m2m_changed, through, call, f"relations.{resource.name}.{field.name}")


def _relations() -> Iterable[tuple[Resource, Any]]:
    for resource in resources().values():
        for name in resource.relations:
            yield resource, resource.model._meta.get_field(name)

"""
The values of a row before a save: remembered with the instance, because a save overwrites them. Its owner,
its update time, whether it was gone; and the columns that decide who may see it (moves.py).

Remembered when an instance is read (post_init), read again (ground/refreshed.py) and saved. It costs no
query, so it is only as good as the instance: an owner that was deferred, or changed elsewhere since, is not
known.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Protocol

from django.apps import apps
from django.db.models import Model
from django.db.models.signals import post_init

from ..ground.refreshed import names_column, refreshed
from ..ground.watching import Receiver
from .resources import Resource, resources_of
from .rows import Row

# On instance._state, which is left out when an instance's attributes are compared or serialised. The name of
# the resource follows, since a row may belong to several. GONE: by a soft delete.
OWNER = "cable_owner:"
TIME = "cable_time:"
GONE = "cable_gone:"


class UNKNOWN:
    """A value that was not read. (A class, because copies and pickles of a class are the class itself.)"""


class Pending(Protocol):
    """
    What was saved at one point of a transaction. committed: it is in the table permanently. undone: it was
    rolled back. Neither, until that is decided.
    """

    committed: bool

    @property
    def undone(self) -> bool: ...


class _Saved:
    """A value that was saved in a transaction. If that is rolled back, `before` holds again."""

    __slots__ = ("before", "now", "pending")

    def __init__(self, now: Any, before: Any, pending: Pending) -> None:
        self.now = now
        self.before = before
        self.pending = pending

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Saved":
        """The copy of an instance shares its transaction."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """An instance in a cache or in another process has no transaction."""
        return (_itself, (_settled(self),))


def _itself(value: Any) -> Any:
    return value


def _settled(value: Any) -> Any:
    """The value, without what was rolled back."""
    while isinstance(value, _Saved):
        value = value.before if value.pending.undone else value.now
    return value


def _without_decided(value: Any) -> Any:
    """
    Drops what is decided. A pending value stays pending, even below one that was rolled back: it may be
    rolled back as well.
    """
    while isinstance(value, _Saved) and value.pending.undone:
        value = value.before
    return value.now if isinstance(value, _Saved) and value.pending.committed else value


def known(instance: Model, attribute: str) -> Any:
    """What the row has in its table, as far as this instance knows; or UNKNOWN."""
    return _settled(getattr(instance._state, attribute, UNKNOWN))


def remember(instance: Model, attribute: str, value: Any, pending: Pending | None = None) -> None:
    """
    Remembers that the row has this now. pending: the transaction in which that is so; None if it is
    committed.
    """
    before = _without_decided(getattr(instance._state, attribute, UNKNOWN))
    if _settled(before) == value:
        return
    if isinstance(before, _Saved) and before.pending is pending:
        before = before.before
    setattr(instance._state, attribute, value if pending is None else _Saved(value, before, pending))


def remember_row(instance: Model, resource: Resource, row: Row, pending: Pending | None) -> None:
    """As remember(), for what the announcements of a resource need."""
    remember(instance, OWNER + resource.name, row.owner, pending)
    if row.in_tables:
        remember(instance, TIME + resource.name, row.updated_at, pending)
    if resource.deleted_at:
        remember(instance, GONE + resource.name, row.gone, pending)


def _needed(found: Iterable[Resource]) -> list[tuple[str, str, bool]]:
    """
    Each column, the name that it is remembered by, and whether it is only remembered that it has a value.
    """
    return [
        (column, kind + resource.name, kind == GONE)
        for resource in found
        for column, kind in _columns(resource)
        if column
    ]


def _reader(found: Iterable[Resource]) -> Callable[..., None]:
    """A receiver of post_init that remembers what these resources need."""
    names = _needed(found)

    def remember_what_was_read(instance: Model, **_: Any) -> None:
        # Not by getattr: it would read a deferred column.
        values, state = instance.__dict__, instance._state.__dict__
        for column, name, is_flag in names:
            if column in values:
                state[name] = values[column] is not None if is_flag else values[column]

    return remember_what_was_read


def _rereader(found: Iterable[Resource]) -> Callable[..., None]:
    """As _reader, for `refreshed`. A value that was assigned and not read again is not in the table."""
    names = _needed(found)

    def remember_what_was_read_again(
        sender: type[Model], instance: Model, fields: Collection[str] | None = None, **_: Any
    ) -> None:
        values = instance.__dict__
        for column, name, is_flag in names:
            if column in values and names_column(sender, column, fields):
                remember(instance, name, values[column] is not None if is_flag else values[column])

    return remember_what_was_read_again


def _columns(resource: Resource) -> Iterator[tuple[str, str]]:
    if not resource.audience:
        yield resource.owner, OWNER
    yield resource.updated_at, TIME
    yield resource.deleted_at, GONE


def receivers() -> Iterator[Receiver]:
    """For the models that are announced: the signal is sent for every row that is read."""
    for model in apps.get_models(include_auto_created=True):
        if found := resources_of(model):
            yield Receiver(post_init, model, _reader(found), "remember")
            yield Receiver(refreshed, model, _rereader(found), "remember again")

"""
post_save → the batch of this transaction → the publisher, after commit.

A batch belongs to a database connection and its transaction. It is made of parts, one per stack of
savepoints, each registered with on_commit: Django forgets the part of a savepoint that is rolled back, and
the first part that is called after the commit publishes all that are left, as one batch.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, ref

from django.db import connections, router, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet

from notifications import publisher
from notifications.payloads import CREATE, Change
from notifications.resources import resource_of

logger = logging.getLogger(__name__)


class _Part:
    """What changed under one stack of savepoints: the last change of each row and action."""

    def __init__(self, savepoints: tuple[str | None, ...]) -> None:
        self.savepoints = savepoints
        self.changes: list[Change] = []


class _Batch:
    """
    The parts of one transaction, oldest first.

    Only Django's on_commit list holds their hooks; so a hook that is gone was rolled back (or has run), and
    its part with it.
    """

    def __init__(self) -> None:
        self._parts: list[tuple[ReferenceType[Callable[[], None]], _Part]] = []

    def part_for(self, savepoints: tuple[str | None, ...]) -> _Part | None:
        """The part that is being filled, if no savepoint was opened, released or rolled back since."""
        if not self._parts:
            return None
        hook, part = self._parts[-1]
        return part if hook() is not None and part.savepoints == savepoints else None

    def open_part(self, savepoints: tuple[str | None, ...], change: Change, using: str) -> None:
        part = _Part(savepoints)
        part.changes.append(change)

        # Django writes the __qualname__ of a failing robust hook to its log: only functions have one.
        def publish_batch() -> None:
            self._publish()

        self._parts = [entry for entry in self._parts if entry[0]() is not None]
        self._parts.append((ref(publish_batch), part))
        # Robust: a lost notification must not turn a saved row into an error. After commit, or a client would
        # refetch before the row is visible. Outside a transaction it is called here and now.
        transaction.on_commit(publish_batch, using=using, robust=True)

    def _publish(self) -> None:
        parts, self._parts = self._parts, []
        changes = [change for hook, part in parts if hook() is not None for change in part.changes]
        if changes:
            publisher.publish(_compacted(changes))


def _compacted(changes: Iterable[Change]) -> list[Change]:
    """
    One entry per row: a create swallows later updates and stands for them, of several updates the last stays.
    """
    last: dict[tuple[Any, ...], Change] = {}
    for change in changes:
        creation = last.get(change.creation)
        if creation is not None and change.action != CREATE:
            last[change.creation] = creation._replace(position=max(creation.position, change.position))
        else:
            last.pop(change.row, None)
            last[change.row] = change
    return list(last.values())


_batches: WeakKeyDictionary[BaseDatabaseWrapper, _Batch] = WeakKeyDictionary()


def _record(change: Change, using: str) -> None:
    connection = connections[using]
    batch = _batches.setdefault(connection, _Batch())
    savepoints = tuple(connection.savepoint_ids)
    part = batch.part_for(savepoints)
    if part is None:
        batch.open_part(savepoints, change, using)
    else:
        part.changes.append(change)


def announce_save(
    sender: type[Model], instance: Model, created: bool, raw: bool = False, using: str = "default", **_: Any
) -> None:
    """Receiver of post_save. Fixtures (raw) are not announced. Never raises: a save must not fail for it."""
    resource = None if raw else resource_of(sender)
    if resource is None:
        return
    try:
        row = resource.row_of(instance)
        if row[resource.owner] is not None:
            _record(resource.created(row) if created else resource.updated(row), using)
    except Exception:
        logger.exception("could not announce a change of %s; the next reconcile will", resource.name)


def notify(queryset: QuerySet[Any]) -> int:
    """See notifications.notify."""
    resource = resource_of(queryset.model)
    if resource is None:
        raise ValueError(f"{queryset.model._meta.label} is not among settings.CABLE['RESOURCES']")
    using = getattr(queryset, "_db", None) or router.db_for_write(queryset.model)
    rows = queryset.using(using).order_by(resource.updated_at).values(*resource.columns())
    announced = 0
    for row in rows.iterator():
        if row[resource.owner] is not None:
            _record(resource.updated(row), using)
            announced += 1
    return announced

"""
Deletions become steps of the transaction, for the users who could see the rows.

An audience must be read before the cascade deletes memberships; and an owner from the table, because the
instance may have been read before the row was given to another owner. Django sends pre_delete for everything
that one call deletes before it deletes anything; so the rows are gathered, and read, with one query per
resource, just before the first statement that writes.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any
from weakref import finalize

from django.apps import apps
from django.db import connections
from django.db.models import F, Model, QuerySet
from django.db.models.signals import pre_delete

from ..ground.watching import Receiver
from ..wire.payloads import Change
from .among import Among
from .audience import READER, Pair, Paths
from .resources import Resource, resources_in
from .rows import now
from .steps import Step
from .transactions import Batch, Part, batch_of

_ATTRIBUTE = "cable_deletion"
# These statements write nothing; and what is rolled back is not deleted.
_NO_WRITES = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")

# Losses of one deletion that a transaction holds in memory until its commit. Further ones are written at
# once, in portions of this size, and read again after the commit: the deletion of a team takes its cards from
# all its members.
HELD = 10_000

# Reads the pairs of rows and users who lose them, given the primary keys of what is deleted.
Reader = Callable[[list[Any]], list[Iterable[Pair]]]


def losses(resource: Resource, pairs: Iterable[Pair]) -> list[Step]:
    return [Step(change, recorded=True) for change in _destroyed(resource, pairs, now())]


def _destroyed(resource: Resource, pairs: Iterable[Pair], at: datetime) -> list[Change]:
    return [resource.destroyed(pk, user, at) for pk, user in pairs]


class Gathered:
    """
    The gathered deletions of one connection. key: of what is read together. If the transaction is rolled back
    before anything was written, for example because another receiver of pre_delete forbade the deletion,
    nothing was deleted.
    """

    def __init__(self, using: str) -> None:
        self._using = using
        self._waiting: dict[Any, tuple[Resource, Reader, list[Any]]] = {}
        self._part: Part | None = None

    def add(self, key: Any, resource: Resource, read: Reader, pk: Any) -> None:
        if not self._waiting:
            self._begin()
        self._waiting.setdefault(key, (resource, read, []))[2].append(pk)
        if self._part is None:
            # pre_delete was sent without a transaction, so that the end of the deletion is unknown.
            self._read()

    def _begin(self) -> None:
        # In front: code that adds a wrapper for a block removes the last one at its end.
        connections[self._using].execute_wrappers.insert(0, self._before_statements)
        self._part = batch_of(self._using).add([])
        if self._part is not None and (hook := self._part.hook) is not None:
            finalize(hook, self._end).atexit = False

    def _end(self) -> dict[Any, tuple[Resource, Reader, list[Any]]]:
        waiting, self._waiting, self._part = self._waiting, {}, None
        wrappers = connections[self._using].execute_wrappers
        if self._before_statements in wrappers:
            wrappers.remove(self._before_statements)
        return waiting

    def _before_statements(self, execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
        if not str(sql).lstrip(" (").startswith(_NO_WRITES):
            self._read()
        return execute(sql, params, many, context)

    def _read(self) -> None:
        part = self._part
        found: dict[str, tuple[Resource, list[Iterable[Pair]]]] = {}
        for resource, read, keys in self._end().values():
            found.setdefault(resource.name, (resource, []))[1].extend(read(keys))
        for resource, pairs in found.values():
            _add(resource, _once(pairs), batch_of(self._using), part)


def _once(found: list[Iterable[Pair]]) -> Iterator[Pair]:
    """Each pair that any of them finds; row by row, because the users of one row are notified together."""
    queries = [each for each in found if isinstance(each, QuerySet)]
    if queries:
        first, *others = queries
        yield from (first.union(*others) if others else first.distinct()).order_by("pk").iterator()
    for each in found:
        if not isinstance(each, QuerySet):
            yield from each


def _add(resource: Resource, pairs: Iterator[Pair], batch: Batch, part: Part | None) -> None:
    if held := losses(resource, islice(pairs, HELD)):
        batch.add(held, part)
    at = now()
    while portion := _destroyed(resource, islice(pairs, HELD), at):
        batch.write(portion)


def gather(key: Any, resource: Resource, read: Reader, pk: Any, using: str) -> None:
    connection = connections[using]
    gathered: Gathered | None = getattr(connection, _ATTRIBUTE, None)
    if gathered is None:
        gathered = Gathered(using)
        setattr(connection, _ATTRIBUTE, gathered)
    gathered.add(key, resource, read, pk)


def announce_deletion(sender: type[Model], instance: Model, using: str = "default", **_: Any) -> None:
    """
    Receiver of pre_delete. It raises what the database raises: without a notice, clients that are offline
    would miss the deletion.
    """
    # In multi-table inheritance, the parents of a child are deleted with signals of their own.
    for resource in resources_in(sender):
        if resource.deletions:
            _announce(resource, instance, using)


def _announce(resource: Resource, instance: Model, using: str) -> None:
    gather(resource.name, resource, lambda keys: _who_sees(resource, keys, using), instance.pk, using)


def receivers() -> Iterator[Receiver]:
    """For the models whose deletions are announced."""
    for model in apps.get_models():
        if any(resource.deletions for resource in resources_in(model)):
            yield Receiver(pre_delete, model, announce_deletion, "announce_deletion")


def _who_sees(resource: Resource, keys: list[Any], using: str) -> list[Iterable[Pair]]:
    rows = resource.rows(using).filter(Among(F("pk"), keys))
    if resource.audience is None:
        owned = rows.filter(**{f"{resource.owner}__isnull": False})
        return [owned.values_list("pk", resource.owner)]
    if isinstance(resource.audience, Paths):
        return [Paths.along(path, rows).values_list("pk", READER) for path in resource.audience.paths]
    return [resource.audience.users(rows)]

"""
What is deleted becomes steps of the transaction, for whoever saw it before.

An audience must be read before the cascade takes memberships away; and an owner from the table, because the
instance may have been read before somebody else gave the row away. Django sends pre_delete for everything
that one call deletes before it deletes anything; so what it names is gathered, and read, with one query per
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
# Before these nothing is written; and what a rollback undoes was not.
_NO_WRITES = ("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK")

# Losses that a transaction holds in memory until its commit, of one deletion. What goes beyond is written at
# once, in as large portions, and read again after the commit: a team takes its cards from all its members.
HELD = 10_000

# What reads the pairs of rows and users that lose each other, given the primary keys of what is deleted.
Reader = Callable[[list[Any]], list[Iterable[Pair]]]


def losses(resource: Resource, pairs: Iterable[Pair]) -> list[Step]:
    return [Step(change, recorded=True) for change in _destroyed(resource, pairs, now())]


def _destroyed(resource: Resource, pairs: Iterable[Pair], at: datetime) -> list[Change]:
    return [resource.destroyed(pk, user, at) for pk, user in pairs]


class Gathered:
    """
    Of one connection. key: of what is read together. If what began it is rolled back before anything was
    written, a deletion that another receiver of pre_delete forbade for example, nothing was deleted.
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
            # Somebody sends pre_delete without a transaction: nothing says when it is over.
            self._read()

    def _begin(self) -> None:
        # The first: whoever added a wrapper for a block of code takes away the last one at its end.
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
    """Each pair that any of them finds; row by row, since those who hear the same are told at once."""
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
    Receiver of pre_delete. It raises what the database raises: a deletion that is not noted would be lost to
    whoever is away.
    """
    # Of a child of multi-table inheritance, its parents are deleted with signals of their own.
    for resource in resources_in(sender):
        if resource.deletions:
            _announce(resource, instance, using)


def _announce(resource: Resource, instance: Model, using: str) -> None:
    gather(resource.name, resource, lambda keys: _who_sees(resource, keys, using), instance.pk, using)


def receivers() -> Iterator[Receiver]:
    """For the models that are told of."""
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

"""
Rows that were changed without a signal, announced by whoever changed them: sync_cable.notify, and the methods
of AnnouncedQuerySet.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, cast

from django.db.models import Model, QuerySet

from .announcements import announce, to_everybody, updated
from .ownership import UNKNOWN
from .resources import Resource, resources_of
from .rows import Row, for_field, next_version, now
from .saved import as_told
from .signals import creation, update
from .steps import Step

# Rows that are fetched at a time.
PAGE = 2_000


def notify(queryset: QuerySet[Any]) -> int:
    """See sync_cable.notify."""
    if not isinstance(queryset, QuerySet):
        raise TypeError(f"expected a queryset, not {_described(queryset)}")
    model = cast(type[Model], queryset.model)
    found = resources_of(model)
    if not found:
        raise ValueError(f"{model._meta.label} is not among settings.CABLE['RESOURCES']")
    if _is_of_groups(queryset):
        raise ValueError(f"expected rows of {model._meta.label}, not the groups of values().annotate()")
    return max([_notify(resource, queryset) for resource in found])


def _described(value: Any) -> str:
    return value.__name__ if isinstance(value, type) else type(value).__name__


def _is_of_groups(queryset: QuerySet[Any]) -> bool:
    """A condition on an aggregate would mean something else if each row were a group."""
    group_by = queryset.query.group_by
    if not isinstance(group_by, tuple):
        return False
    pk = queryset.model._meta.pk
    columns = {getattr(expression, "target", None) for expression in group_by}
    return not columns.issuperset(getattr(pk, "fields", (pk,)))


def _notify(resource: Resource, queryset: QuerySet[Any]) -> int:
    using = getattr(queryset, "_db", None) or resource.written_in()
    # A join may yield a row several times.
    found = {row.pk: row for row in _rows(resource, queryset.using(using))}
    oldest_first = sorted(found.values(), key=lambda row: row.updated_at)
    rows = [row for row in oldest_first if row.owner is not None]
    steps = [Step(resource.as_it_is(row)) if row.gone else updated(resource, row) for row in rows]
    steps += [step for row in oldest_first for step in to_everybody(resource, row)]
    if steps:
        announce(resource, using, steps)
    return len(rows)


def _rows(resource: Resource, queryset: QuerySet[Any]) -> Iterator[Row]:
    """
    The columns are taken from the rows of the queryset, whatever it was to yield, sliced or not. Without a
    cursor of the database, which a pooler of transactions would lose (PgBouncer).
    """
    return map(resource.row, queryset.values(*resource.columns()))


# What AnnouncedQuerySet did

# Of one resource: what its rows were before.
Before = list[tuple[Resource, dict[Any, Row]]]


def rows_before(queryset: QuerySet[Any], using: str) -> Before:
    """One query for each resource."""
    model = cast(type[Model], queryset.model)
    rows = queryset.using(using)
    return [(each, {row.pk: row for row in _rows(each, rows)}) for each in resources_of(model)]


def announce_created(model: type[Model], keys: Collection[Any], using: str) -> None:
    for resource in resources_of(model):
        steps = []
        for row in _read(resource, keys, using):
            steps += creation(resource, row) + to_everybody(resource, row, created=True)
        _announce(resource, steps, using)


def announce_updated(before: Before, using: str) -> None:
    """As the rows are now, with one query for each resource; to owners before as well."""
    for resource, rows in before:
        steps = []
        for row in _read(resource, rows, using):
            steps += _steps(resource, row, rows[row.pk])
        _announce(resource, steps, using)


def touch(resource: Resource, keys: Collection[Any], using: str) -> None:
    """
    They changed, by what no column of theirs says. Their update time moves, if it is not ahead of the clock;
    then the tables do not tell of it.
    """
    moment = now()
    if resource.updated_at and keys:
        past = {"pk__in": keys, f"{resource.updated_at}__lt": for_field(moment)}
        resource.rows(using).filter(**past).update(**{resource.updated_at: for_field(moment)})
    steps = []
    for row in _read(resource, keys, using):
        told = row
        if row.updated_at > moment:
            told = replace(row, updated_at=next_version(row.updated_at, moment), in_tables=False)
        steps += update(resource, told, UNKNOWN) + to_everybody(resource, told)
    _announce(resource, steps, using)


def _steps(resource: Resource, row: Row, before: Row) -> list[Step]:
    if row.gone and row.owner is not None:
        return [] if before.gone else [Step(resource.as_it_is(row))]
    return update(resource, row, before.owner) + to_everybody(resource, row)


def _announce(resource: Resource, steps: list[Step], using: str) -> None:
    if steps:
        announce(resource, using, steps)


def _read(resource: Resource, keys: Iterable[Any], using: str) -> Iterator[Row]:
    """Of those that are still there."""
    remaining = iter(keys)
    while page := list(islice(remaining, PAGE)):
        for row in _rows(resource, resource.rows(using).filter(pk__in=page)):
            yield as_told(row)

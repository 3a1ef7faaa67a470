"""
Announces rows that were changed without a signal, for the code that changed them: sync_cable.notify, and the
methods of AnnouncedQuerySet.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, cast

from django.db.models import F, Model, QuerySet

from ..wire.payloads import PUBLIC
from .among import Among
from .announcements import announce, to_everybody, updated
from .audience import Pair
from .links import PublicLink
from .moves import moved
from .ownership import UNKNOWN
from .resources import Resource, resources_of
from .rows import Row, for_field, next_version, now, to_python
from .saved import as_told
from .signals import creation, gone, restored, update
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
    """
    Whether its rows are groups: then a condition on an aggregate would mean something else for single rows.
    """
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
    steps += _gone_for_everybody(resource, [row for row in oldest_first if row.gone], using)
    if steps:
        announce(resource, using, steps)
    return len(rows)


def _gone_for_everybody(resource: Resource, rows: Collection[Row], using: str) -> list[Step]:
    """The steps for those of these soft-deleted rows that would be public otherwise. One query."""
    if not rows or resource.public is None:
        return []
    found = resource.rows(using).filter(Among(F("pk"), [row.pk for row in rows]))
    public = set(resource.of_everybody(found, gone=True).values_list("pk", flat=True))
    return [Step(resource.as_it_is(replace(row, owner=PUBLIC))) for row in rows if row.pk in public]


def _rows(resource: Resource, queryset: QuerySet[Any]) -> Iterator[Row]:
    """
    Reads our columns of the queryset's rows, whatever it was to yield, sliced or not. Without a database
    cursor, which a pooler in transaction mode would lose (PgBouncer).
    """
    return map(resource.row, queryset.values(*resource.columns()))


# Changes by AnnouncedQuerySet


@dataclass(frozen=True, slots=True)
class Before:
    """The rows of a resource before a change, by primary key. public: those that were public."""

    resource: Resource
    rows: dict[Any, Row]
    public: set[Pair]


def _before(resource: Resource, rows: Iterable[Row], using: str) -> Before:
    by_key = {row.pk: row for row in rows}
    return Before(resource, by_key, _public(resource, by_key, using))


def _public(resource: Resource, rows: Mapping[Any, Row], using: str) -> set[Pair]:
    """Which of the rows are public. One query, if the resource has public rows."""
    return PublicLink(resource).pairs_of(using, list(rows)) if rows and resource.public is not None else set()


def rows_before(queryset: QuerySet[Any], using: str) -> list[Before]:
    """One query for each resource, and one more if it has public rows."""
    model = cast(type[Model], queryset.model)
    return [_before(each, _rows(each, queryset.using(using)), using) for each in resources_of(model)]


def rows_in_the_way(
    model: type[Model], made: Collection[Model], fields: Collection[str], using: str
) -> list[Before]:
    """
    The rows that a bulk_create of these will update instead, found by its unique_fields; without any, none.
    One query for each resource, and one more if it has public rows.
    """
    found = resources_of(model)
    return [_before(each, _rows_like(each, model, made, fields, using), using) for each in found]


def _rows_like(
    resource: Resource, model: type[Model], made: Collection[Model], fields: Collection[str], using: str
) -> Iterator[Row]:
    if not made or not fields:
        return
    unique: list[Any] = [model._meta.pk if name == "pk" else model._meta.get_field(name) for name in fields]
    wanted = [[_value(each, row) for each in unique] for row in made]
    rows = resource.rows(using)
    for each, values in zip(unique, zip(*wanted, strict=True), strict=True):
        rows = rows.filter(Among(F(each.attname), [value for value in values if value is not None]))
    # With several columns, the values that match may be of different instances: only rows that match one
    # count.
    together = {tuple(map(str, values)) for values in wanted}
    names = [each.attname for each in unique]
    for row in rows.values(*{*resource.columns(), *names}):
        if len(names) == 1 or tuple(str(row[name]) for name in names) in together:
            yield resource.row(row)


def _value(field: Any, row: Model) -> Any:
    """None for a value that the database has yet to compute."""
    value = getattr(row, field.attname)
    return None if hasattr(value, "resolve_expression") else to_python(field, value)


def announce_created(before: Iterable[Before], keys: Collection[Any], using: str) -> None:
    """One query for each resource. before: the rows that were updated instead, whatever their key."""
    for each in before:
        created = dict.fromkeys(to_python(each.resource.pk, key) for key in keys)
        _announce(each.resource, _steps(each, {**each.rows, **created}, using), using)


def announce_updated(before: Iterable[Before], using: str) -> None:
    """Announces the rows as they are now, to previous owners as well. One query for each resource."""
    for each in before:
        _announce(each.resource, _steps(each, each.rows, using), using)


def touch(resource: Resource, keys: Collection[Any], using: str) -> None:
    """
    Announces rows that changed although none of their columns did. Their update time is moved, unless it is
    ahead of the clock; then a read of the tables does not find the change.
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


def _steps(before: Before, keys: Iterable[Any], using: str) -> list[Step]:
    """keys: of the rows as they are now, including those that were not there before."""
    resource = before.resource
    steps, back = [], []
    for row in _read(resource, keys, using):
        was = before.rows.get(row.pk)
        steps += _steps_of(resource, row, was)
        if was is not None and was.gone and not row.gone:
            back.append(row)
    public = _public(resource, before.rows, using)
    return steps + restored(resource, back, using) + moved(resource, before.public, public)


def _steps_of(resource: Resource, row: Row, was: Row | None) -> list[Step]:
    """All steps except those of restored() and moved()."""
    if row.gone:
        return [] if was is None or was.gone else gone(resource, row, was.owner)
    if was is None:
        return creation(resource, row) + to_everybody(resource, row, created=True)
    if was.gone:
        return []
    return update(resource, row, was.owner) + to_everybody(resource, row)


def _announce(resource: Resource, steps: list[Step], using: str) -> None:
    if steps:
        announce(resource, using, steps)


def _read(resource: Resource, keys: Iterable[Any], using: str) -> Iterator[Row]:
    """Reads those that still exist."""
    remaining = iter(keys)
    while page := list(islice(remaining, PAGE)):
        for row in _rows(resource, resource.rows(using).filter(pk__in=page)):
            yield as_told(row)

"""
Who may see a row that has no single owner: CABLE["RESOURCES"][…]["audience"].

    "audience": "project__memberships__user"      a lookup path from the row to users
    "audience": ["owner", "shared_with"]          several of them
    "audience": "shelves.rules.BookAudience"      a class, for what no path can express (Rule, below)

All of it is read from the tables as they are now.
"""

import inspect
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Protocol, Self, cast

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import DateTimeField, F, Model, Q, QuerySet
from django.utils.module_loading import import_string

from .among import Among

# The column of a query with the user who may see the row.
READER = "cable_reader"
# And the column with the time since when, of a membership for example.
JOINED = "cable_joined"
# Pairs that are read at a time.
PAGE = 5_000
# The primary keys of a row, and of a user who may see it.
Pair = tuple[Any, Any]


class Rule(Protocol):
    """A class that a project writes where no path is enough. It is instantiated once, without arguments."""

    def users(self, rows: QuerySet[Any]) -> Iterable[Pair]:
        """Who may see which of these rows."""

    def rows(self, rows: QuerySet[Any], users: Collection[Any]) -> QuerySet[Any]:
        """Which of these rows any of these users may see. users: primary keys."""


class Hop:
    """One relation of a path, which leads from `source` to `model`. prefix: the path up to it, inclusive."""

    def __init__(self, source: type[Model], prefix: str, field: Any) -> None:
        self.source = source
        self.prefix = prefix
        self.field = field
        self.model: type[Model] = field.related_model
        self.is_many = bool(field.one_to_many or field.many_to_many)

    @property
    def through(self) -> type[Model] | None:
        """The through model of a many-to-many relation, in either direction; None for another relation."""
        if not self.field.many_to_many:
            return None
        return (self.field if self.is_forward else self.field.field).remote_field.through  # type: ignore[no-any-return]

    @property
    def is_forward(self) -> bool:
        """Whether the field is in `source`."""
        return not self.field.auto_created

    @property
    def generic(self) -> Any:
        """The GenericRelation, in either direction; None for another relation."""
        relation = self.field if self.is_forward else self.field.field
        # Not by its class: that can be imported only where contenttypes is installed.
        return relation if hasattr(relation, "object_id_field_name") else None

    @property
    def is_held_here(self) -> bool:
        """Whether its columns are in `source`. A GenericRelation has none, and names those of its model."""
        return self.is_forward != bool(self.generic)

    @property
    def columns(self) -> tuple[tuple[type[Model], str], ...]:
        """The columns that decide where it leads, mostly foreign keys: (model, attribute)."""
        if self.field.many_to_many:
            return ()
        model = self.source if self.is_held_here else self.model
        if generic := self.generic:
            names = generic.content_type_field_name, generic.object_id_field_name
            return tuple(
                (model, str(getattr(model._meta.get_field(name), "attname", name))) for name in names
            )
        return ((model, (self.field if self.is_forward else self.field.field).attname),)


class Path:
    """A lookup path from a model to users. Raises ImproperlyConfigured for one that leads elsewhere."""

    def __init__(self, model: type[Model], path: str, setting: str) -> None:
        self.path = path
        self.hops: list[Hop] = []
        source, prefix = model, ""
        for name in path.split("__"):
            prefix = f"{prefix}__{name}" if prefix else name
            self.hops.append(Hop(source, prefix, _relation(source, name, setting)))
            source = self.hops[-1].model
        if source is not get_user_model():
            raise ImproperlyConfigured(
                f"{setting}: {path!r} leads to {source._meta.label}, not to {get_user_model()._meta.label}"
            )

    @classmethod
    def nowhere(cls) -> Self:
        """For public rows, which need no path."""
        path = cls.__new__(cls)
        path.path, path.hops = "", []
        return path

    @property
    def repeats(self) -> bool:
        """Whether it can find a user more than once for a row."""
        return any(hop.is_many for hop in self.hops)


def _relation(model: type[Model], name: str, setting: str) -> Any:
    """By the name that lookups use."""
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        raise ImproperlyConfigured(f"{setting}: {model._meta.label} has no relation {name!r}") from None
    if not isinstance(field.related_model, type):
        raise ImproperlyConfigured(f"{setting}: {name!r} of {model._meta.label} leads to no model")
    return field


def _is_time(model: type[Model], name: str) -> bool:
    try:
        return isinstance(model._meta.get_field(name), DateTimeField)
    except FieldDoesNotExist:
        return False


class Paths:
    """The users that the paths lead to."""

    def __init__(self, model: type[Model], paths: Sequence[str], setting: str) -> None:
        self.paths = [Path(model, path, setting) for path in paths]

    def path_of(self, joined_at: str, setting: str) -> Path:
        """
        The path that the time is on. Raises ImproperlyConfigured if it is not a time on one of the paths.
        """
        prefix, _, name = joined_at.rpartition("__")
        for path in self.paths:
            for hop in path.hops[:-1]:
                if hop.prefix == prefix and _is_time(hop.model, name):
                    return path
        raise ImproperlyConfigured(
            f"{setting} is {joined_at!r}: expected a time of a model on the way to the users"
        )

    def joined(
        self, path: Path, joined_at: str, rows: QuerySet[Any], columns: Sequence[str], users: Collection[Any]
    ) -> QuerySet[Any]:
        """As readers(), with the time in the column JOINED. Unordered."""
        since: QuerySet[Any] = self.along(path, rows, columns, users).annotate(**{JOINED: F(joined_at)})
        return since.distinct()

    def users(self, rows: QuerySet[Any], among: Collection[Any] | None = None) -> Iterator[Pair]:
        """
        Who may see which of these rows; only users in `among`, if it is given. One query for each PAGE of
        pairs, and no database cursor, which a pooler in transaction mode would lose (PgBouncer).
        """
        beyond = None
        while page := self._page(rows, among, beyond):
            yield from page
            if len(page) < PAGE:
                return
            row, user = page[-1]
            beyond = Q(pk__gt=row) | Q(pk=row, **{f"{READER}__gt": user})

    def _page(self, rows: QuerySet[Any], among: Collection[Any] | None, beyond: Q | None) -> list[Pair]:
        # Tuples, because making thousands of dicts would delay a hub in this process.
        found = self.readers(rows, ["pk"], among, beyond).order_by("pk", READER)
        return list(found.values_list("pk", READER)[:PAGE])

    def readers(
        self,
        rows: QuerySet[Any],
        columns: Sequence[str],
        among: Collection[Any] | None,
        beyond: Q | None = None,
    ) -> QuerySet[Any]:
        """
        These columns of the rows, once for each reader, who is in the column READER. Unordered. beyond: a
        condition that may name READER.
        """
        found = [self.along(path, rows, columns, among) for path in self.paths]
        first, *others = found if beyond is None else [each.filter(beyond) for each in found]
        if others:
            return first.union(*others)
        return first.distinct() if self.paths[0].repeats else first

    @staticmethod
    def along(
        path: Path,
        rows: QuerySet[Any],
        columns: Sequence[str] = ("pk",),
        among: Collection[Any] | None = None,
    ) -> QuerySet[Any]:
        """As readers(), of one path, and with repetitions."""
        # The filters use the annotation: with the path, each filter would join the tables once more.
        found = rows.order_by().values(*columns, **{READER: F(f"{path.path}__pk")})
        found = found.filter(**{f"{READER}__isnull": False})
        return found if among is None else found.filter(Among(F(READER), among))


class ByRule:
    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def users(self, rows: QuerySet[Any], among: Collection[Any] | None = None) -> Iterator[Pair]:
        wanted = None if among is None else set(map(str, among))
        for row, user in self.rule.users(rows):
            if wanted is None or str(user) in wanted:
                yield row, user


Audience = Paths | ByRule


def audience_of(model: type[Model], value: Any, setting: str) -> Audience:
    """Raises ImproperlyConfigured for what names no audience."""
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list | tuple) or not paths or not all(isinstance(each, str) for each in paths):
        raise ImproperlyConfigured(
            f"{setting} is {value!r}: expected a path to users, a list of paths, or a class"
        )
    if isinstance(value, str) and "." in value:
        return ByRule(_rule(value, setting))
    return Paths(model, paths, setting)


def _rule(path: str, setting: str) -> Rule:
    try:
        found = import_string(path)
    except ImportError as exc:
        raise ImproperlyConfigured(f"{setting}: {exc}") from exc
    missing = [name for name in ("users", "rows") if not callable(getattr(found, name, None))]
    if not inspect.isclass(found) or missing:
        raise ImproperlyConfigured(f"{setting}: {path} is not a class with the methods users() and rows()")
    return cast(Rule, found())

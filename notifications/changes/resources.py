"""
The registry of what is announced, from settings.CABLE["RESOURCES"]: name on the wire → model and columns.

    {"tasks": {"model": "tasks.Task", "owner": "user", "created_at": "born", "updated_at": "changed"}}

"owner" is the foreign key to the user who is notified (default "user"). Without a creation time
("created_at": "") every change found in the tables counts as an update. "monotonic": True says that
updated_at increases with every change of a row, in whatever process it is made; see recent.py for what that
proves.
"database" is the alias of the database whose rows are read; by default the one that the routers write to.
"relations" are many-to-many relations whose changes are changes of the row (relations.py).
"public" is a filter, {"is_public": True}, of rows that every connected client is notified of.
"audience" names the users instead of "owner", where a row has several (audience.py). "deletions": True
announces deleted rows; with an audience it is always so. "deleted_at" is the column of a soft delete.
"payload" is the path of a function from columns to further keys of the notification (further.py).
"joined_at" is the lookup of a time on the way to the users, such as that of a membership. It finds users who
got rows without a signal.
"""

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, cast

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, FieldError, ImproperlyConfigured, ValidationError
from django.core.signals import setting_changed
from django.db import connections
from django.db.models import Field, Model, Q, QuerySet
from django.dispatch import receiver

from ..conf import cable_settings
from ..ground.refreshed import names_column
from ..ground.written import written_in
from ..wire.payloads import Change, create_change, destroy_change, id_of, key_of, update_change
from .audience import READER, Audience, Paths, audience_of
from .further import Further, further_of
from .rows import Row, aware, next_version, now
from .steps import AUDIENCE

_KEYS = {
    "audience",
    "created_at",
    "database",
    "deleted_at",
    "deletions",
    "joined_at",
    "model",
    "monotonic",
    "owner",
    "payload",
    "public",
    "relations",
    "updated_at",
}


@dataclass(frozen=True, slots=True)
class Resource:
    """
    owner, created_at, updated_at and deleted_at are attribute names, which are column names for queries too.
    monotonic: whether updated_at increases with every change of a row, whatever process and instance makes
    it. audience: None of a resource whose rows have one owner; otherwise owner is READER, the column that a
    query of the audience adds. deletions: whether it has notices (notices.py). public: the filter of its
    public rows. further: makes the further keys of its notifications.
    """

    name: str
    model: type[Model]
    owner: str
    created_at: str
    updated_at: str
    monotonic: bool
    database: str | None
    audience: Audience | None = None
    deletions: bool = False
    deleted_at: str = ""
    public: Q | None = None
    joined_at: str = ""
    relations: tuple[str, ...] = ()
    further: Further | None = None

    def written_in(self) -> str:
        """The alias of the database that its rows are read from; that of the current tenant, if any."""
        return self.database or written_in(self.model)

    def rows(self, using: str | None = None) -> QuerySet[Any]:
        """All rows, also those that the default manager hides: they change like the others."""
        return self.model._base_manager.using(using or self.written_in())

    def of_everybody(self, rows: QuerySet[Any], *, gone: bool = False) -> QuerySet[Any]:
        """
        The public ones of these rows. gone: also those that are deleted softly, whose deletion is announced
        to everybody.
        """
        if self.public is None:
            return rows.none()
        there = {f"{self.deleted_at}__isnull": True} if self.deleted_at and not gone else {}
        return rows.filter(self.public, **there)

    def columns(self) -> list[str]:
        """The columns that a read for announcements needs: without the column of an audience."""
        owner = "" if self.audience else self.owner
        further = self.further.columns if self.further else ()
        names = ("pk", owner, self.created_at, self.updated_at, self.deleted_at, *further)
        return list(dict.fromkeys(name for name in names if name))

    def row(self, values: Mapping[str, Any]) -> Row:
        """values: of columns(), from the tables, and of READER if the query has it."""
        created_at = values[self.created_at] if self.created_at else None
        updated_at = values[self.updated_at] if self.updated_at else None
        return Row(
            pk=values["pk"],
            owner=values.get(self.owner, AUDIENCE) if self.audience else values[self.owner],
            created_at=created_at and aware(created_at),
            updated_at=aware(updated_at) if updated_at else next_version(None, now()),
            in_tables=updated_at is not None,
            gone=bool(self.deleted_at) and values[self.deleted_at] is not None,
            further=self.further.members(values) if self.further else "",
        )

    def created(self, row: Row) -> Change:
        """The create of a row that was made just now."""
        return self._creation(row, row.updated_at)

    def was_created(self, row: Row) -> Change:
        """The create of a row that may have changed since."""
        return self._creation(row, row.created_at or row.updated_at)

    def _creation(self, row: Row, at: datetime) -> Change:
        keys = id_of(row.pk), key_of(row.owner)
        return create_change(self.name, *keys, at, in_tables=row.in_tables, further=row.further)

    def updated(self, row: Row) -> Change:
        unit = cable_settings().updated_at_unit
        keys = id_of(row.pk), key_of(row.owner)
        options: dict[str, Any] = {"in_tables": row.in_tables, "further": row.further}
        return update_change(self.name, *keys, row.updated_at, unit, **options)

    def came(self, pk: Any, user: Any, at: datetime) -> Change:
        """
        The create for a user who could not see the row before, by a change that its table does not show.
        """
        return create_change(self.name, id_of(pk), key_of(user), at)

    def destroyed(self, pk: Any, user: Any, at: datetime) -> Change:
        return destroy_change(self.name, id_of(pk), key_of(user), at)

    def as_it_is(self, row: Row) -> Change:
        return self.destroyed(row.pk, row.owner, row.updated_at) if row.gone else self.updated(row)

    def includes(self, attribute: str, columns: Collection[str] | None) -> bool:
        """columns: the update_fields of a save, by either name of a foreign key; None for all."""
        return names_column(self.model, attribute, columns)

    @property
    def pk(self) -> "Field[Any, Any]":
        return self.model._meta.pk

    def field(self, attribute: str) -> "Field[Any, Any]":
        return cast("Field[Any, Any]", self.model._meta.get_field(attribute))


def _attname(model: type[Model], name: str, setting: str) -> str:
    try:
        field = model._meta.get_field(name)
    except FieldDoesNotExist:
        field = None
    if getattr(field, "column", None) is None or getattr(field, "many_to_many", False):
        raise ImproperlyConfigured(f"{setting}: {model._meta.label} has no column {name!r}")
    return str(field.attname)  # type: ignore[union-attr]


def _read(name: str, config: Mapping[str, Any]) -> Resource:
    setting = f"settings.CABLE['RESOURCES'][{name!r}]"
    if unknown := set(config) - _KEYS:
        raise ImproperlyConfigured(f"{setting} has unknown keys: {', '.join(sorted(unknown))}")
    try:
        model = apps.get_model(config["model"])
    except (KeyError, LookupError, ValueError) as exc:
        raise ImproperlyConfigured(f"{setting}: 'model' must name an installed model") from exc
    if model._meta.swapped:
        raise ImproperlyConfigured(f"{setting}: {model._meta.label} is replaced by {model._meta.swapped}")
    # A proxy is another view of the same rows.
    model = model._meta.concrete_model or model
    created_at = config.get("created_at", "created_at")
    monotonic = config.get("monotonic", False)
    if not isinstance(monotonic, bool):
        raise ImproperlyConfigured(f"{setting}: 'monotonic' is {monotonic!r}: expected True or False")
    database = config.get("database")
    if database is not None and database not in set(connections):
        raise ImproperlyConfigured(f"{setting}: 'database' is {database!r}: DATABASES has no such alias")
    audience = _audience(model, config, setting)
    deletions = _deletions(config, setting)
    if deletions and hasattr(model._meta.pk, "fields"):
        raise ImproperlyConfigured(
            f"{setting}: {model._meta.label} has a composite primary key: expected none of 'audience', "
            "'deletions', 'deleted_at' and 'public'"
        )
    updated_at, deleted_at = config.get("updated_at", "updated_at"), config.get("deleted_at", "")
    return Resource(
        name=name,
        model=model,
        owner=READER if audience else _attname(model, config.get("owner", "user"), setting),
        created_at=_attname(model, created_at, setting) if created_at else "",
        updated_at=_attname(model, updated_at, setting) if updated_at else "",
        monotonic=monotonic,
        database=database,
        audience=audience,
        deletions=deletions,
        deleted_at=_attname(model, deleted_at, setting) if deleted_at else "",
        public=_public(model, config, setting),
        joined_at=_joined_at(audience, config, setting),
        relations=_relations(model, config, setting),
        further=further_of(name, model, config.get("payload"), setting),
    )


def _audience(model: type[Model], config: Mapping[str, Any], setting: str) -> Audience | None:
    if "audience" not in config:
        return None
    if "owner" in config:
        raise ImproperlyConfigured(f"{setting} has both 'owner' and 'audience': expected one of them")
    return audience_of(model, config["audience"], f"{setting}['audience']")


def _joined_at(audience: Audience | None, config: Mapping[str, Any], setting: str) -> str:
    joined_at = config.get("joined_at", "")
    if joined_at == "":
        return ""
    if not isinstance(joined_at, str) or not isinstance(audience, Paths):
        raise ImproperlyConfigured(
            f"{setting}: 'joined_at' is {joined_at!r}: expected a lookup, and an audience by paths"
        )
    audience.path_of(joined_at, f"{setting}['joined_at']")
    return joined_at


def _relations(model: type[Model], config: Mapping[str, Any], setting: str) -> tuple[str, ...]:
    """The names of many-to-many relations, in either direction."""
    names = config.get("relations", ())
    if not isinstance(names, list | tuple):
        raise ImproperlyConfigured(f"{setting}: 'relations' is {names!r}: expected a list of names")
    for name in names:
        with contextlib.suppress(FieldDoesNotExist, TypeError):
            if model._meta.get_field(name).many_to_many:
                continue
        raise ImproperlyConfigured(f"{setting}: {model._meta.label} has no many-to-many relation {name!r}")
    return tuple(names)


def _public(model: type[Model], config: Mapping[str, Any], setting: str) -> Q | None:
    lookups = config.get("public")
    if lookups is None:
        return None
    if not isinstance(lookups, dict) or not lookups:
        raise ImproperlyConfigured(f"{setting}: 'public' is {lookups!r}: expected {{'is_public': True}}, say")
    try:
        model._base_manager.filter(**lookups)
    except (FieldError, ValueError, TypeError, ValidationError) as exc:
        raise ImproperlyConfigured(f"{setting}: 'public': {exc}") from exc
    return Q(**lookups)


def _deletions(config: Mapping[str, Any], setting: str) -> bool:
    """Default True for a soft delete too: a restored row is announced by a notice."""
    default = any(config.get(key) for key in ("audience", "deleted_at", "public"))
    deletions = config.get("deletions", default)
    if not isinstance(deletions, bool):
        raise ImproperlyConfigured(f"{setting}: 'deletions' is {deletions!r}: expected True or False")
    if default and not deletions:
        raise ImproperlyConfigured(
            f"{setting}: 'deletions' is False: with an audience, a soft delete or public rows, a row that "
            "somebody no longer sees is told as destroyed"
        )
    return deletions


@lru_cache(maxsize=1)
def resources() -> dict[str, Resource]:
    """By name. Raises ImproperlyConfigured if settings.CABLE is wrong."""
    return {name: _read(name, config) for name, config in cable_settings().resources.items()}


@lru_cache(maxsize=1)
def monotonic_resources() -> frozenset[str]:
    """The names of those whose updated_at is monotonic; see Resource."""
    return frozenset(resource.name for resource in resources().values() if resource.monotonic)


@lru_cache(maxsize=1)
def shared_resources() -> dict[str, Resource]:
    """Those with an audience, by name."""
    return {resource.name: resource for resource in resources().values() if resource.audience}


@lru_cache(maxsize=1)
def public_resources() -> dict[str, Resource]:
    """Those with public rows, by name."""
    return {resource.name: resource for resource in resources().values() if resource.public is not None}


@cache
def resources_in(model: type[Model]) -> tuple[Resource, ...]:
    """The resources whose rows are those of the model, or of the model it is a proxy of."""
    concrete = model._meta.concrete_model or model
    return tuple(resource for resource in resources().values() if resource.model is concrete)


@cache
def resources_of(model: type[Model]) -> tuple[Resource, ...]:
    """
    The resources of which a save of the model changes a row: its own, and those of its parents in other
    tables.
    """
    concrete = model._meta.concrete_model or model
    lines = {concrete, *concrete._meta.get_parent_list()}
    return tuple(resource for resource in resources().values() if resource.model in lines)


def kinds_of(model: type[Model]) -> list[type[Model]]:
    """The model, its proxies, and those that inherit its table: signals name the class of the instance."""
    concrete = model._meta.concrete_model or model
    return [each for each in apps.get_models(include_auto_created=True) if issubclass(each, concrete)]


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting in {"CABLE", "DATABASES"}:
        resources.cache_clear()
        monotonic_resources.cache_clear()
        shared_resources.cache_clear()
        public_resources.cache_clear()
        resources_in.cache_clear()
        resources_of.cache_clear()

"""System checks of the audiences and deletions of settings.CABLE["RESOURCES"]."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution
from django.db import models, router
from django.db.models import ForeignKey, Model

from ..models import Notice
from .audience import Hop, Path, Paths
from .resources import Resource, resources


def check_audiences() -> list[CheckMessage]:
    return [message for resource in resources().values() for message in _messages(resource)]


def _messages(resource: Resource) -> Iterator[CheckMessage]:
    if resource.deletions and not _holds_notices(resource.written_in()):
        yield Error(
            f"settings.CABLE['RESOURCES'][{resource.name!r}] tells of deletions, and the database "
            f"{resource.written_in()!r} of its rows has no table for them",
            hint="Let DATABASE_ROUTERS allow the migrations of the app sync_cable there, and migrate it.",
            id="sync_cable.E012",
        )
    if resource.deletions:
        yield from _deleted_in_silence(resource)
    if isinstance(resource.audience, Paths):
        columns = [(resource.model, resource.updated_at)] if resource.updated_at else []
        for path in resource.audience.paths:
            columns += [column for hop in path.hops for column in hop.columns]
            columns += _time_of_joining(resource, path)
            yield from _loops(resource, path)
        yield from _unindexed(resource, dict.fromkeys(columns))


def _time_of_joining(resource: Resource, path: Path) -> list[tuple[type[Model], str]]:
    prefix, _, name = resource.joined_at.rpartition("__")
    return [(hop.model, name) for hop in path.hops if prefix and hop.prefix == prefix]


def _holds_notices(using: str) -> bool:
    return bool(router.allow_migrate_model(using, Notice))


def _deleted_in_silence(resource: Resource) -> Iterator[CheckMessage]:
    """Foreign keys by which the database itself deletes (from Django 6.1 on), without a signal."""
    names = ("DB_CASCADE", "DB_SET_NULL", "DB_SET_DEFAULT")
    silent = [getattr(models, name) for name in names if hasattr(models, name)]
    for key in dict.fromkeys(_keys_on_the_way(resource)):
        if (on_delete := key.remote_field.on_delete) in silent:
            yield Caution(
                f"settings.CABLE['RESOURCES'][{resource.name!r}]: {key.model._meta.label}.{key.name} is "
                f"{on_delete.__name__}: what the database itself deletes or clears is not announced",
                hint="Use models.CASCADE or SET_NULL, by which Django does it and sends signals; or delete "
                "these rows yourself, before what they point to.",
                id="sync_cable.W007",
            )


def _keys_on_the_way(resource: Resource) -> Iterator[Any]:
    """The foreign keys by which a row may be deleted, or lost to its readers."""
    yield from _foreign_keys(resource.model)
    for path in resource.audience.paths if isinstance(resource.audience, Paths) else ():
        for hop in path.hops:
            yield from _keys_of(hop)


def _keys_of(hop: Hop) -> list[Any]:
    if hop.through is not None:
        return _foreign_keys(hop.through)
    if hop.generic:
        # No foreign key leads to the row: Django itself deletes the dependent rows.
        return []
    return [hop.field if hop.is_forward else hop.field.field]


def _foreign_keys(model: type[Model]) -> list[Any]:
    return [field for field in model._meta.concrete_fields if isinstance(field, ForeignKey)]


def _loops(resource: Resource, path: Path) -> Iterator[CheckMessage]:
    sources = [hop.source for hop in path.hops]
    for number, hop in enumerate(path.hops):
        if hop.model in sources[: number + 1] and getattr(hop.field, "null", False):
            yield Caution(
                f"settings.CABLE['RESOURCES'][{resource.name!r}]['audience']: {path.path!r} comes back to "
                f"{hop.model._meta.label} by {hop.field.name!r}, which may be empty",
                hint="It follows as many steps as it names, and finds nobody where the relation is empty. "
                "Name the shorter path as well, in a list, or write a class.",
                id="sync_cable.W003",
            )


def _unindexed(resource: Resource, columns: Iterable[tuple[type[Model], str]]) -> Iterator[CheckMessage]:
    for model, column in columns:
        field: Any = next(field for field in model._meta.concrete_fields if field.attname == column)
        if not _has_index(model, field):
            yield Caution(
                f"settings.CABLE['RESOURCES'][{resource.name!r}]: {model._meta.label}.{field.name} has no "
                "index: every pass reads the whole table",
                hint=f"db_index=True, or Meta.indexes with {field.name!r} first.",
                id="sync_cable.W004",
            )


def _has_index(model: type[Model], field: Any) -> bool:
    if field.db_index or field.unique or field.primary_key:
        return True
    indexes = [[name.lstrip("-") for name in index.fields] for index in model._meta.indexes]
    indexes += [list(names) for names in model._meta.unique_together]
    indexes += [list(getattr(each, "fields", ())) for each in model._meta.constraints]
    return any(not {field.name, field.attname}.isdisjoint(_leading(model, names)) for names in indexes)


def _leading(model: type[Model], names: list[str]) -> list[str]:
    """
    The columns of an index by which rows are found. A query by an object's id also has its content type.
    """
    related = model._meta.get_field(names[0]).related_model if names else None
    is_type = isinstance(related, type) and related._meta.label == "contenttypes.ContentType"
    return names[: 2 if is_type else 1]

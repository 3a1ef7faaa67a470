"""
The links from rows to their audience: memberships, foreign keys, many-to-many relations. A change of a link
changes who sees a row, though the row itself stays as it was.

This module knows which links there are, and who sees what through them; moves.py watches them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from django.db.models import F, Model, QuerySet

from ..wire.payloads import PUBLIC
from .among import Among
from .audience import READER, Hop, Pair, Path, Paths
from .resources import Resource, kinds_of, resources

# The path of public rows, which leads to no particular user.
EVERYBODY = Path.nowhere()


@dataclass
class Link:
    """
    A model on the way from the rows of a resource to their audience. prefix: the lookup that leads to it from
    a row; "pk" if it is the row itself. columns: those of its attributes that decide where it leads.
    """

    resource: Resource
    path: Path
    model: type[Model]
    prefix: str
    columns: set[str] = field(default_factory=set)

    @property
    def is_row(self) -> bool:
        return self.model is self.resource.model and self.prefix == "pk"

    def key_in(self, instance: Model) -> Any:
        return getattr(instance, str(self.model._meta.pk.attname))

    def pairs(self, using: str, ends: Mapping[str, Collection[Any]]) -> QuerySet[Any]:
        """
        Who sees which rows by this path. ends: lookups of the path, and the keys that are selected there.
        """
        at = {lookup if lookup == "pk" else f"{lookup}__pk": keys for lookup, keys in ends.items()}
        rows = self.resource.rows(using).filter(*(Among(F(lookup), keys) for lookup, keys in at.items()))
        return Paths.along(self.path, rows).values_list("pk", READER)

    def found(self, using: str, keys: list[Any]) -> Iterable[Pair]:
        """Who sees which rows through these instances of its model."""
        return self.pairs(using, {self.prefix: keys})

    def pairs_of(self, using: str, keys: list[Any]) -> set[Pair]:
        return set(self.found(using, keys))

    def read(self, using: str, keys: list[Any]) -> list[Iterable[Pair]]:
        return [self.found(using, keys)]


@dataclass
class ThroughLink(Link):
    """
    The through model of a many-to-many relation, whose rows a project may save itself. far: the lookup to the
    other end. beyond: the model there, and the rest of the path.
    """

    far: str = ""
    near_column: str = ""
    far_column: str = ""
    is_symmetrical: bool = False
    beyond: tuple[type[Model], str] | None = None

    def found(self, using: str, keys: list[Any]) -> Iterable[Pair]:
        found = self.model._base_manager.using(using).filter(Among(F("pk"), keys))
        ends = list(found.values_list(self.near_column, self.far_column))
        near, far = {end[0] for end in ends}, {end[1] for end in ends}
        return self.pairs(using, {self.prefix: near, self.far: far})

    def pairs_between(self, using: str, near: Collection[Any], far: Any) -> set[Pair]:
        """Who sees which rows once it leads from each of `near` to `far`."""
        lookup = "pk" if self.prefix == "pk" else f"{self.prefix}__pk"
        rows = self.resource.rows(using).filter(Among(F(lookup), near)).values_list("pk", flat=True)
        return set(product(rows, self._users_from(using, far)))

    def _users_from(self, using: str, far: Any) -> list[Any]:
        model, rest = self.beyond or (self.model, "")
        if not rest:
            return [far]
        found = model._base_manager.using(using).filter(pk=far, **{f"{rest}__isnull": False})
        return list(found.values_list(f"{rest}__pk", flat=True))


class PublicLink(Link):
    """The row itself, by the columns that make it public."""

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource, EVERYBODY, resource.model, "pk", _columns_of_public(resource))

    def found(self, using: str, keys: list[Any]) -> Iterable[Pair]:
        rows = self.resource.of_everybody(self.resource.rows(using).filter(Among(F("pk"), keys)))
        return {(pk, PUBLIC) for pk in rows.values_list("pk", flat=True)}


def _columns_of_public(resource: Resource) -> set[str]:
    lookups: list[Any] = resource.public.children if resource.public is not None else []
    names = {str(lookup).split("__")[0] for lookup, _ in lookups}
    columns = {field.attname for field in resource.model._meta.concrete_fields if field.name in names}
    return columns | ({resource.deleted_at} if resource.deleted_at else set())


def _links_of(resource: Resource, path: Path) -> Iterator[Link]:
    """One for each model of the path except its end: deletions matter even where no column does."""
    found: dict[str, Link] = {}
    prefix = "pk"
    for hop in path.hops:
        found.setdefault(prefix, Link(resource, path, hop.source, prefix))
        for model, column in hop.columns:
            at = prefix if hop.is_held_here else hop.prefix
            link = found.setdefault(at, Link(resource, path, model, at))
            link.columns.add(column)
        if hop.through is not None:
            yield _through(resource, path, prefix, hop)
        prefix = hop.prefix
    yield from found.values()


def _through(resource: Resource, path: Path, near: str, hop: Hop) -> Link:
    field = hop.field if hop.is_forward else hop.field.field
    names = (field.m2m_field_name(), field.m2m_reverse_field_name())
    model: Any = hop.through
    columns = [model._meta.get_field(name).attname for name in names]
    near_column, far_column = columns if hop.is_forward else reversed(columns)
    return ThroughLink(
        *(resource, path, model, near, set(columns), hop.prefix, near_column, far_column),
        is_symmetrical=field.remote_field.symmetrical,
        beyond=(hop.model, path.path[len(hop.prefix) + len("__") :]),
    )


def links_by_model() -> dict[type[Model], list[Link]]:
    """
    The links of all resources in the settings. A proxy or a child of a model sends signals of its own, so it
    has the same links.
    """
    found: dict[type[Model], list[Link]] = {}
    for resource in resources().values():
        links: list[Link] = [PublicLink(resource)] if resource.public is not None else []
        for path in resource.audience.paths if isinstance(resource.audience, Paths) else ():
            links += _links_of(resource, path)
        for link in links:
            for model in kinds_of(link.model):
                found.setdefault(model, []).append(link)
    return found

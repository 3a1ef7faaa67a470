"""
What a change of the links (links.py) means for the readers of rows.

It is read before the change who sees what through the link, and after the change again. Users who only did
before get a destroy, users who only do now a create, both with notices. At the commit it is checked whether
that is still true, because another path may lead to the same row (telling.py).
"""

import contextlib
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any, cast

from django.apps import apps
from django.db.models import F, Model, QuerySet
from django.db.models.signals import m2m_changed, post_init, post_save, pre_delete, pre_save

from ..ground.refreshed import names_column, refreshed
from ..ground.watching import Receiver
from .among import Among
from .audience import Pair
from .deletions import gather, losses
from .links import Link, PublicLink, ThroughLink, links_by_model
from .ownership import UNKNOWN, known, remember
from .resources import Resource, resources_in
from .rows import now
from .steps import Step
from .transactions import Part, batch_of

_COLUMNS = "cable_link"
_BEFORE = "cable_before"


# Steps


def _entered(resource: Resource, pairs: Collection[Pair]) -> list[Step]:
    at = now()
    return [Step(resource.came(pk, user, at), recorded=True) for pk, user in pairs]


def moved(resource: Resource, before: Collection[Pair], after: Collection[Pair]) -> list[Step]:
    """The steps for users who saw a row only before, or see it only after."""
    lost, got = set(before) - set(after), set(after) - set(before)
    return [*losses(resource, lost), *_entered(resource, got)]


def _add(steps: list[Step], using: str) -> Part | None:
    return batch_of(using).add(steps) if steps else None


# Foreign keys


def _columns(links: Collection[Link]) -> list[str]:
    return sorted({column for link in links for column in link.columns})


def _values(links: Collection[Link], instance: Model) -> Any:
    """The values of the columns that matter; UNKNOWN if one was deferred."""
    columns, read = _columns(links), instance.__dict__
    return tuple(read[name] for name in columns) if all(name in read for name in columns) else UNKNOWN


def _is_moved(links: Collection[Link], instance: Model, columns: Collection[str] | None) -> bool:
    """
    Whether a save will change where the links lead, as far as the instance knows. columns: its update_fields.
    """
    if columns is not None and not any(_names(link).intersection(columns) for link in links):
        return False
    now, before = _values(links, instance), known(instance, _COLUMNS)
    return before is UNKNOWN or now != before


def _names(link: Link) -> set[str]:
    """The names of its columns, both of them for a foreign key."""
    fields = [each for each in link.model._meta.concrete_fields if each.attname in link.columns]
    return {name for each in fields for name in (each.name, each.attname)}


# By the number of the link.
_Seen = dict[int, set[Pair]]


def _seen_through(links: Collection[Link], instance: Model, using: str) -> _Seen:
    return {
        number: link.pairs_of(using, [link.key_in(instance)])
        for number, link in enumerate(links)
        if link.columns
    }


class _Saves:
    """Receivers for one model, which is part of these links."""

    def __init__(self, links: list[Link]) -> None:
        self.links = links

    def was_read(self, instance: Model, **_: Any) -> None:
        if (values := _values(self.links, instance)) is not UNKNOWN and instance.pk is not None:
            setattr(instance._state, _COLUMNS, values)

    def was_read_again(
        self, sender: type[Model], instance: Model, fields: Collection[str] | None = None, **_: Any
    ) -> None:
        """Remembers only what was read again: another value that was assigned is not in the table."""
        values, before = _values(self.links, instance), known(instance, _COLUMNS)
        if values is UNKNOWN or before is UNKNOWN:
            return
        triples = zip(_columns(self.links), values, before, strict=True)
        mixed = (new if names_column(sender, name, fields) else old for name, new, old in triples)
        remember(instance, _COLUMNS, tuple(mixed))

    def will_be_saved(
        self,
        instance: Model,
        raw: bool = False,
        using: str = "default",
        update_fields: Collection[str] | None = None,
        **_: Any,
    ) -> None:
        instance._state.__dict__.pop(_BEFORE, None)
        if raw or instance._state.adding or not _is_moved(self.links, instance, update_fields):
            return
        setattr(instance._state, _BEFORE, _seen_through(self.links, instance, using))

    def was_saved(
        self, instance: Model, created: bool, raw: bool = False, using: str = "default", **_: Any
    ) -> None:
        before = instance._state.__dict__.pop(_BEFORE, None)
        if raw or (before is None and not created):
            return
        part = _add(self._steps(instance, before or {}, created, using), using)
        if (values := _values(self.links, instance)) is not UNKNOWN:
            remember(instance, _COLUMNS, values, part)

    def _steps(self, instance: Model, before: _Seen, created: bool, using: str) -> list[Step]:
        steps: list[Step] = []
        for number, link in enumerate(self.links):
            # Nothing refers to a new row yet, so only its own columns lead anywhere; and a new row of a
            # resource is announced as a create.
            if created and (link.is_row or not link.columns):
                continue
            after = link.pairs_of(using, [link.key_in(instance)]) if link.columns else ()
            steps += moved(link.resource, before.get(number, ()), after)
        return steps

    def will_be_deleted(self, instance: Model, using: str = "default", **_: Any) -> None:
        for link in self.links:
            # The deletion of the row itself is announced by deletions.py.
            if not link.is_row or isinstance(link, PublicLink):
                key = (link.resource.name, link.path.path, link.prefix, link.model)
                gather(key, link.resource, partial(link.read, using), link.key_in(instance), using)


# Many-to-many relations: their rows come and go without signals of their own


class _Relations:
    """Receiver of m2m_changed for a through model, which is part of these links."""

    def __init__(self, model: type[Model], links: list[Link]) -> None:
        self._model = model
        self._links = links

    def changed(
        self,
        instance: Model,
        action: str,
        reverse: bool,
        pk_set: Collection[Any] | None,
        using: str = "default",
        **_: Any,
    ) -> None:
        if action not in ("pre_remove", "pre_clear", "post_add"):
            return
        tell = _entered if action == "post_add" else losses
        steps: list[Step] = []
        for rows in self._rows(instance, reverse, pk_set, using):
            for link in self._links:
                steps += tell(link.resource, link.pairs_of(using, rows))
        if action == "post_add" and pk_set:
            for link in self._links:
                if isinstance(link, ThroughLink) and link.is_symmetrical:
                    # Django inserts the other half later, and sends no signal for it.
                    steps += _entered(link.resource, link.pairs_between(using, pk_set, instance.pk))
        _add(steps, using)

    def _rows(
        self, instance: Model, reverse: bool, pk_set: Collection[Any] | None, using: str
    ) -> Iterator[list[Any]]:
        """
        The primary keys of the relation's rows, by the end that they lead from. pk_set: of the other end;
        None for all. Django sends one signal for both halves of a symmetrical relation.
        """
        for relation in _relations_held_by(self._model):
            ends = relation.m2m_field_name(), relation.m2m_reverse_field_name()
            ways = [ends] if not reverse else [ends[::-1]]
            if relation.remote_field.symmetrical:
                ways = [ends, ends[::-1]]
            for here, there in ways:
                condition = {here: instance.pk}
                if pk_set is not None:
                    condition[f"{there}__in"] = pk_set
                rows = self._model._base_manager.using(using).filter(**condition)
                yield list(rows.values_list("pk", flat=True))


def _relations_held_by(through: type[Model]) -> list[Any]:
    relations = (field for model in apps.get_models() for field in model._meta.local_many_to_many)
    return [field for field in relations if field.remote_field.through is through]


# Receivers


def receivers() -> Iterator[Receiver]:
    """For the models on the way from a row to its audience."""
    for model, links in links_by_model().items():
        if _relations_held_by(model):
            yield Receiver(m2m_changed, model, _Relations(model, links).changed, "links.relation")
        if not model._meta.auto_created:
            saves = _Saves(links)
            yield Receiver(post_init, model, saves.was_read, "links.read")
            yield Receiver(refreshed, model, saves.was_read_again, "links.read_again")
            yield Receiver(pre_save, model, saves.will_be_saved, "links.before")
            yield Receiver(post_save, model, saves.was_saved, "links.saved")
            yield Receiver(pre_delete, model, saves.will_be_deleted, "links.deleted")


@contextlib.contextmanager
def audience_changes(rows: QuerySet[Any]) -> Iterator[None]:
    """See sync_cable.audience_changes."""
    found = [
        resource for resource in resources_in(cast(type[Model], rows.model)) if resource.audience is not None
    ]
    if not found:
        raise ValueError(
            f"{rows.model._meta.label} is not among settings.CABLE['RESOURCES'] with an audience"
        )
    using = getattr(rows, "_db", None) or found[0].written_in()
    keys = list(rows.using(using).values_list("pk", flat=True))
    before = [_seen_in(resource, keys, using) for resource in found]
    yield
    for resource, pairs in zip(found, before, strict=True):
        _add(moved(resource, pairs, _seen_in(resource, keys, using)), using)


def _seen_in(resource: Resource, keys: list[Any], using: str) -> set[Pair]:
    rows = resource.rows(using).filter(Among(F("pk"), keys))
    return set(resource.audience.users(rows)) if resource.audience else set()

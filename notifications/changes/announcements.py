"""
Puts each announcement into the batch of its transaction (transactions.py).
"""

import logging
from dataclasses import replace

from django.db.models import Model

from ..wire.payloads import PUBLIC
from .resources import Resource
from .rows import Row
from .steps import Step
from .transactions import Part, batch_of

logger = logging.getLogger(__name__)

_warned: set[tuple[type[Model], str]] = set()


def announce(resource: Resource, using: str, steps: list[Step]) -> Part | None:
    """
    Announces the steps with the commit of the transaction on this database; at once if there is none. Returns
    the part of the transaction that they are in, if any.
    """
    part = batch_of(using).add(steps)
    _warn_if_elsewhere(resource, using)
    return part


def to_everybody(resource: Resource, row: Row, *, created: bool = False) -> list[Step]:
    """The steps for the public stream. They are delivered only if the row is public then."""
    if resource.public is None or row.gone:
        return []
    public = replace(row, owner=PUBLIC)
    return [Step(resource.created(public)) if created else updated(resource, public)]


def updated(resource: Resource, row: Row) -> Step:
    return Step(resource.updated(row), created=resource.created(row) if row.further else None)


def _warn_if_elsewhere(resource: Resource, using: str) -> None:
    """
    Warns once for each model and alias: such rows are announced, but a lost notification is not repeated.
    """
    if (resource.model, using) in _warned or using == (read := resource.written_in()):
        return
    _warned.add((resource.model, using))
    logger.warning(
        "%s was saved in database %r, but its changes are looked up in %r: what a client misses of the "
        "former is not repeated; see CABLE['RESOURCES'][%r]['database']",
        *(resource.model._meta.label, using, read, resource.name),
    )

"""
Saves become steps (steps.py), which are announced.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import F, Model

from ..broker import publisher as publishing
from .among import Among
from .announcements import announce, to_everybody, updated
from .audience import Pair
from .ownership import GONE, OWNER, UNKNOWN, known, remember_row
from .resources import Resource, resources_of
from .rows import Row, now
from .saved import Columns, row_of
from .steps import Step

logger = logging.getLogger(__name__)


def announce_save(
    sender: type[Model],
    instance: Model,
    created: bool,
    raw: bool = False,
    using: str = "default",
    update_fields: Collection[str] | None = None,
    **_: Any,
) -> None:
    """
    Receiver of post_save. Fixtures (raw) are not announced. Never raises, except for the time limit of a job:
    a save must not fail because of an announcement.
    """
    if not raw:
        with publishing.publisher.uninterrupted():
            _announce_to_all(sender, instance, created, using, update_fields)


def _announce_to_all(
    sender: type[Model], instance: Model, created: bool, using: str, update_fields: Columns
) -> None:
    try:
        found = resources_of(sender)
    except Exception:
        logger.exception("could not announce a change of %s: settings.CABLE is wrong", sender._meta.label)
        return
    for resource in found:
        try:
            _announce(resource, instance, created, using, update_fields)
        except Exception:
            logger.exception(
                "could not announce a change of %s; the next reconcile does, if its update time moved",
                resource.name,
            )


def _announce(resource: Resource, instance: Model, created: bool, using: str, columns: Columns) -> None:
    row = row_of(resource, instance, using, columns=columns, created=created)
    before = UNKNOWN if created else known(instance, OWNER + resource.name)
    was_gone = not created and known(instance, GONE + resource.name) is True
    if row.gone:
        steps = [] if created else gone(resource, row, UNKNOWN if was_gone else before)
    elif was_gone:
        steps = restored(resource, [row], using)
    else:
        steps = creation(resource, row) if created else update(resource, row, before)
        steps += to_everybody(resource, row, created=created)
    part = announce(resource, using, steps) if steps else None
    remember_row(instance, resource, row, part)


def gone(resource: Resource, row: Row, before: Any) -> list[Step]:
    """
    The steps of a soft delete. before: the previous owner, who lost the row if the same save gave it to
    another; or UNKNOWN.
    """
    at = row.updated_at if row.in_tables else now()
    steps = []
    if before is not UNKNOWN and before is not None and before != row.owner:
        # The table has the present owner, and no longer the previous one.
        steps.append(Step(resource.destroyed(row.pk, before, at), recorded=True))
    if row.owner is not None:
        unsaid = not row.in_tables and not resource.audience
        steps.append(Step(resource.destroyed(row.pk, row.owner, at), recorded=unsaid))
    return steps


def restored(resource: Resource, rows: Sequence[Row], using: str) -> list[Step]:
    """The steps of rows that are restored from a soft delete: their table shows only that they changed."""
    at = now()
    pairs = _seen(resource, rows, using) if rows else ()
    return [Step(resource.came(pk, user, at), recorded=True) for pk, user in pairs]


def _seen(resource: Resource, rows: Sequence[Row], using: str) -> Iterable[Pair]:
    """Who sees which of these rows. One query for an audience."""
    if resource.audience is None:
        return [(row.pk, row.owner) for row in rows if row.owner is not None]
    found = resource.rows(using).filter(Among(F("pk"), [row.pk for row in rows]))
    return set(resource.audience.users(found))


def creation(resource: Resource, row: Row) -> list[Step]:
    return [] if row.owner is None else [Step(resource.created(row))]


def update(resource: Resource, row: Row, before: Any) -> list[Step]:
    """before: the previous owner; or UNKNOWN."""
    if before is UNKNOWN or before == row.owner:
        return [] if row.owner is None else [updated(resource, row)]
    steps = []
    if before is not None:
        # The row is not theirs any more, so they do not get its further keys.
        steps.append(Step(resource.updated(replace(row, owner=before, further="")), leaves=True))
    if row.owner is not None:
        steps.append(Step(resource.created(row), otherwise=resource.updated(row)))
    return steps

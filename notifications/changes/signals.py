"""
What is saved becomes steps (steps.py), which are announced.
"""

import logging
from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Any

from django.db.models import Model

from .announcements import announce, to_everybody, updated
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
    """Receiver of post_save. Fixtures (raw) are not announced. Never raises: a save must not fail for it."""
    if raw:
        return
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
    steps = _soft_deletion(resource, instance, row, created, using) if resource.deleted_at else None
    if steps is None:
        before = UNKNOWN if created else known(instance, OWNER + resource.name)
        steps = creation(resource, row) if created else update(resource, row, before)
        steps += to_everybody(resource, row, created=created)
    part = announce(resource, using, steps) if steps else None
    remember_row(instance, resource, row, part)


def _soft_deletion(
    resource: Resource, instance: Model, row: Row, created: bool, using: str
) -> list[Step] | None:
    """What it says of a row that is gone, or was; None if nothing."""
    was_gone = not created and known(instance, GONE + resource.name)
    if row.gone:
        if created or row.owner is None:
            return []
        at = row.updated_at if row.in_tables else now()
        unsaid = not row.in_tables and not resource.audience
        return [Step(resource.destroyed(row.pk, row.owner, at), recorded=unsaid)]
    if was_gone is not True or row.owner is None:
        return None
    # Its table says only that it changed.
    at = now()
    return [Step(resource.came(row.pk, user, at), recorded=True) for user in _users_of(resource, row, using)]


def _users_of(resource: Resource, row: Row, using: str) -> Iterable[Any]:
    if resource.audience is None:
        return [row.owner]
    return {user for _, user in resource.audience.users(resource.rows(using).filter(pk=row.pk))}


def creation(resource: Resource, row: Row) -> list[Step]:
    return [] if row.owner is None else [Step(resource.created(row))]


def update(resource: Resource, row: Row, before: Any) -> list[Step]:
    """before: its owner then; or UNKNOWN."""
    if before is UNKNOWN or before == row.owner:
        return [] if row.owner is None else [updated(resource, row)]
    steps = []
    if before is not None:
        # It is not theirs any more: what it says is none of their business.
        steps.append(Step(resource.updated(replace(row, owner=before, further="")), leaves=True))
    if row.owner is not None:
        steps.append(Step(resource.created(row), otherwise=resource.updated(row)))
    return steps

"""
A QuerySet whose bulk methods are announced, for models that use it:

    class Book(models.Model):
        objects = AnnouncedQuerySet.as_manager()

    class BookQuerySet(AnnouncedQuerySet): ...
"""

from collections.abc import Collection, Iterable, Sequence
from inspect import signature
from typing import Any, cast

from django.db import models
from django.utils import timezone

_PARAMETERS = signature(models.QuerySet.bulk_create)

# The registry is imported when a method is called, because models are loaded before it.


class AnnouncedQuerySet(models.QuerySet[Any]):
    """
    bulk_create, update and bulk_update (which updates) announce their changes with the commit. update moves
    the update time of the rows, unless it is given one: otherwise no reconcile would find them. A bulk_create
    costs one query more per resource, an update two, as does a bulk_create with update_conflicts, and for a
    resource with public rows four; they hold the keys and owners of all their rows in memory. Deletions are
    announced without it, where they are announced at all.
    """

    def bulk_create(self, objs: Iterable[Any], *args: Any, **options: Any) -> list[Any]:
        """Rows whose key the database does not return (ignore_conflicts) are left to the reconcile."""
        from .changes.bulk import announce_created, rows_in_the_way

        self._for_write = True
        using, made = self.db, list(objs)
        asked = _PARAMETERS.bind(self, made, *args, **options).arguments
        unique = asked.get("unique_fields") if asked.get("update_conflicts") else None
        before = rows_in_the_way(self.model, made, unique or (), using)
        rows = super().bulk_create(made, *args, **options)
        announce_created(before, [row.pk for row in rows if row.pk is not None], using)
        return rows

    def update(self, **columns: Any) -> int:
        from .changes.bulk import announce_updated, rows_before

        self._for_write = True
        using = self.db
        # Django itself raises for the update of a slice.
        before = [] if self.query.is_sliced else rows_before(self.order_by(), using)
        times = dict.fromkeys(self._times_to_move(columns), timezone.now())
        changed = super().update(**times, **columns)
        announce_updated(before, using)
        return changed

    update.alters_data = True  # type: ignore[attr-defined]

    def _times_to_move(self, columns: Collection[str]) -> Sequence[str]:
        """The update times that are not among these columns."""
        from .changes.resources import resources_of

        found = resources_of(cast(type[models.Model], self.model))
        return sorted({resource.updated_at for resource in found} - {"", *columns})

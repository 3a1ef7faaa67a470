"""
The hybrid clock: updated_at as the version of a row.

Clients receive updated_at in whole seconds and refetch only if theirs is older, so two versions of a row must
never fall into the same second. Each change therefore sets updated_at to now, but at least to the next whole
second after the row's previous value. Many changes within a second move it ahead of the wall clock.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, TypeVar

from django.db import models, router, transaction
from django.db.models.signals import post_save
from django.utils import timezone

# Rows of one UPDATE of a bulk change: SQLite allows 32,766 variables, and a row takes at most three.
BATCH = 5_000


def tick(previous: datetime | None, now: datetime) -> datetime:
    """The next updated_at of a row: now, or the first whole second after the previous value if later."""
    if previous is None:
        return now
    return max(now, previous.replace(microsecond=0) + timedelta(seconds=1))


Row = TypeVar("Row", bound="ClockedModel")


class ClockedQuerySet(models.QuerySet[Row]):
    """
    update() and bulk_update() stay Django's: they send no signal and do not move updated_at. Use change() for
    changes that clients must be notified of.
    """

    def change(self, **columns: Any) -> list[Row]:
        """
        Sets these columns in every row and moves its updated_at, in two queries for up to 5,000 rows. Then
        sends post_save (created=False) for each row, so that receivers are called for bulk changes too.

        Returns: the changed rows, by ascending key.
        """
        self._for_write = True
        with transaction.atomic(using=self.db, savepoint=False):
            rows = list(self.select_for_update(of=("self",), no_key=True).order_by("pk"))
            _stamp(rows, columns)
            for batch in _batches(rows):
                self._write(batch, columns)
            for row in rows:
                _announce(row, {*columns, "updated_at"}, self.db)
        return rows

    def _write(self, rows: Sequence[Row], columns: dict[str, Any]) -> None:
        found = self.model._base_manager.using(self.db).filter(pk__in=[row.pk for row in rows])
        found.update(**columns, updated_at=_clocks(rows))

    def bulk_create(self, objs: Iterable[Row], *args: Any, **options: Any) -> list[Row]:
        """As Django's, with the same creation time for all rows. It sends no signals."""
        now = timezone.now()
        rows = list(objs)
        for row in rows:
            row.created_at = row.updated_at = now
        return super().bulk_create(rows, *args, **options)


def _batches(rows: Sequence[Row]) -> Iterable[list[Row]]:
    left = iter(rows)
    while batch := list(islice(left, BATCH)):
        yield batch


def _stamp(rows: Iterable[Row], columns: dict[str, Any]) -> None:
    now = timezone.now()
    for row in rows:
        for name, value in columns.items():
            setattr(row, name, value)
        row.updated_at = tick(row.updated_at, now)


def _clocks(rows: Sequence[Row]) -> Any:
    """The new updated_at as an SQL value: one for most rows, a CASE for rows ahead of the wall clock."""
    now = min(row.updated_at for row in rows)
    ahead = [row for row in rows if row.updated_at != now]
    if not ahead:
        return now
    field = models.DateTimeField()
    cases = [models.When(pk=row.pk, then=models.Value(row.updated_at, output_field=field)) for row in ahead]
    return models.Case(*cases, default=models.Value(now, output_field=field), output_field=field)


def _announce(row: "ClockedModel", columns: Collection[str], using: str) -> None:
    post_save.send(
        sender=type(row),
        instance=row,
        created=False,
        raw=False,
        using=using,
        update_fields=frozenset(columns),
    )


class ClockedModel(models.Model):
    """
    On creation created_at and updated_at are equal; every later save() moves updated_at. Models take their
    manager from ClockedQuerySet, which does the same for many rows.
    """

    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    def save(
        self,
        *,
        force_insert: Any = False,
        force_update: bool = False,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
    ) -> None:
        columns = None if update_fields is None else {*update_fields}
        if columns is not None and not columns:
            return  # as Django does: nothing to write, no signal
        using = using or router.db_for_write(type(self), instance=self)
        # Django sends post_save inside it, so that the receivers' on_commit hooks wait for this commit.
        with transaction.atomic(using=using, savepoint=False):
            self._tick(using, fresh=bool(force_insert))
            super().save(
                force_insert=force_insert,
                force_update=force_update,
                using=using,
                update_fields=columns and {*columns, "updated_at"},
            )

    def _tick(self, using: str, *, fresh: bool) -> None:
        """Reads the previous value under a row lock: a concurrent save must not get the same second."""
        previous = None if fresh or self.pk is None else self._locked_clock(using)
        self.updated_at = tick(previous, timezone.now())
        if previous is None:
            self.created_at = self.updated_at

    def _locked_clock(self, using: str) -> datetime | None:
        # SQLite has no row locks. There the settings make every transaction IMMEDIATE, so that writers queue.
        rows = type(self)._base_manager.using(using).select_for_update(no_key=True).filter(pk=self.pk)
        return next(iter(rows.values_list("updated_at", flat=True)), None)

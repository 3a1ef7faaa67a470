"""
What an announcement says of a row, wherever it was read: from a saved instance or from the tables.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Field
from django.utils import timezone


@dataclass(frozen=True, slots=True)
class Row:
    """
    pk, owner: as the tables have them. created_at is None if it was not asked for.
    updated_at: what the row is told with; in_tables: whether the tables hold it, so that they tell it too.
    gone: by a soft delete. further: keys of the notification besides its own, as JSON text (further.py).
    """

    pk: Any
    owner: Any
    updated_at: datetime
    created_at: datetime | None = None
    in_tables: bool = True
    gone: bool = False
    further: str = ""


def aware(moment: datetime) -> datetime:
    """
    A time as Django's fields hold it: without USE_TZ, that of the clocks in settings.TIME_ZONE. If these were
    set back, it is the later of two: what is taken for later than it is, nobody misses.
    """
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=timezone.get_default_timezone(), fold=0 if settings.USE_TZ else 1)


def now() -> datetime:
    """The server's clock, aware."""
    return datetime.now(UTC)


def as_stored(moment: datetime, until: datetime) -> datetime:
    """
    For a condition "later than this moment", which is to find what was saved up to `until`; both are aware.

    Without USE_TZ the tables hold local times: an hour that clocks are set back within is there twice.
    """
    if settings.USE_TZ:
        return moment
    zone = timezone.get_default_timezone()
    offsets = [each.astimezone(zone).utcoffset() or timedelta() for each in (moment, until)]
    return for_field(moment) - max(offsets[0] - offsets[1], timedelta())


def for_field(moment: datetime) -> datetime:
    """An aware time as a DateTimeField takes it."""
    return moment if settings.USE_TZ else timezone.make_naive(moment, timezone.get_default_timezone())


def next_version(previous: datetime | None, now: datetime) -> datetime:
    """
    A time that makes every client refetch, for a row whose updated_at does not say that it changed: clients
    compare whole seconds. previous: its updated_at, or None if that is not known.
    """
    second = (previous or now).replace(microsecond=0) + timedelta(seconds=1)
    return max(now, second)


def to_python(field: "Field[Any, Any]", value: Any) -> Any:
    """As the database has it: a form may have assigned "7"."""
    parts = getattr(field, "fields", None)
    if parts is None:
        return field.to_python(value)
    return tuple(to_python(part, each) for part, each in zip(parts, value, strict=True))

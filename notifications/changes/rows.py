"""
A row as an announcement needs it, read from a saved instance or from the tables.
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
    updated_at: the time in the announcement; in_tables: whether the tables hold it, so that a read finds it.
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
    Makes a time of Django's fields aware. Without USE_TZ it is a local time in settings.TIME_ZONE. If the
    clocks were set back, it is the later of two: a change that is taken for later than it is, is not missed.
    """
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=timezone.get_default_timezone(), fold=0 if settings.USE_TZ else 1)


def now() -> datetime:
    """The server's clock, aware."""
    return datetime.now(UTC)


def as_stored(moment: datetime, until: datetime) -> datetime:
    """
    The value for a condition "later than this moment" that finds everything saved up to `until`; both are
    aware.

    Without USE_TZ the tables hold local times: an hour in which the clocks are set back is there twice.
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
    A time that makes every client refetch, for a row whose updated_at does not show that it changed: clients
    compare whole seconds. previous: its updated_at, or None if that is not known.
    """
    second = (previous or now).replace(microsecond=0) + timedelta(seconds=1)
    return max(now, second)


def to_python(field: "Field[Any, Any]", value: Any) -> Any:
    """As the database returns it: a form may have assigned "7" to an integer."""
    parts = getattr(field, "fields", None)
    if parts is None:
        return field.to_python(value)
    return tuple(to_python(part, each) for part, each in zip(parts, value, strict=True))

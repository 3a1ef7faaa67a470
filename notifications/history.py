"""
changes_since: the certain path. The tables are the history, so nothing is stored for it and nothing trimmed.

Rows commit out of the order of their timestamps, and clocks differ: every read starts OVERLAP before the
position it was asked for. Hence the promise: a committed change reaches every subscribed client, if its
transaction took less than the overlap. Repeats are harmless, misses are not.
"""

import heapq
import time
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db.models import F

from notifications.among import Among
from notifications.conf import cable_settings
from notifications.payloads import Change, Key, microseconds
from notifications.protocol import HistoryRequest
from notifications.resources import Resource, resources

MICROSECONDS = 1_000_000
# Rows that a cursor holds in memory at a time.
CHUNK_SIZE = 1_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Beyond it datetime cannot count; nobody asks for it but to see what happens.
_LATEST = microseconds(datetime(9999, 12, 31, tzinfo=UTC))


class TooMuchToReplay(Exception):
    """More rows changed than one replay may hold; the client must refetch."""


class HistoryGone(Exception):
    """The position belongs to another numbering, lies in the future or cannot be read."""


def microseconds_now() -> int:
    """The server's clock, in microseconds since the epoch."""
    return time.time_ns() // 1_000


def overlap() -> int:
    """In microseconds."""
    return int(cable_settings().overlap * MICROSECONDS)


def changes_since(user_ids: Collection[Key], position: int, *, limit: int | None = None) -> Iterator[Change]:
    """
    What changed for these users since position (microseconds since the epoch) minus the overlap, oldest
    first.

    A row created since gives a create; also an update if it was updated afterwards. One query per
    resource whatever the number of users, streamed. Raises TooMuchToReplay, before the first change, if
    there are more rows than limit.
    """
    floor = max(0, min(position, _LATEST) - overlap())
    since = _EPOCH + timedelta(microseconds=floor)
    found = [_rows(resource, user_ids, since, limit) for resource in resources().values()]
    merged: Iterator[_Found] = heapq.merge(*found, key=itemgetter(0))
    if limit is not None:
        rows = list(merged)
        if len(rows) > limit:
            raise TooMuchToReplay
        merged = iter(rows)
    return _announcements(merged, since)


_Found = tuple[datetime, Resource, dict[str, Any]]


def _rows(
    resource: Resource, user_ids: Collection[Key], since: datetime, limit: int | None
) -> Iterator[_Found]:
    """Oldest first; one more than limit, if there are."""
    queryset = resource.model._default_manager.filter(
        Among(F(resource.owner), user_ids), **{f"{resource.updated_at}__gt": since}
    )
    rows = queryset.order_by(resource.updated_at, "pk").values(*resource.columns())
    if limit is not None:
        rows = rows[: limit + 1]
    for row in rows.iterator(chunk_size=CHUNK_SIZE):
        yield row[resource.updated_at], resource, row


def _announcements(rows: Iterable[_Found], since: datetime) -> Iterator[Change]:
    for updated_at, resource, row in rows:
        created_at = row[resource.created_at] if resource.created_at else None
        if created_at is not None and created_at > since:
            yield resource.was_created(row)
            if updated_at <= created_at:
                continue
        yield resource.updated(row)


def resume_position(request: HistoryRequest, *, epoch: str, now: int) -> int | None:
    """
    Where a replay starts, in microseconds; None if there is nothing to replay. Pure.

    now: the server's clock, in microseconds. Raises HistoryGone.
    """
    if request.malformed:
        raise HistoryGone("unreadable position")
    if request.offset is not None:
        if request.epoch != epoch:
            raise HistoryGone("another epoch")
        if request.offset > now + overlap():
            raise HistoryGone("a position in the future")
        return request.offset
    if request.since is not None:
        return int(min(request.since * MICROSECONDS, _LATEST))
    return None

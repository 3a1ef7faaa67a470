"""
changes_since: the certain path. The tables are the history, so nothing is stored for it and nothing trimmed.

Rows commit out of the order of their timestamps, and clocks differ: every read starts OVERLAP before what is
certain (positions.py). Hence the promise: a committed change reaches every subscribed client, if its
transaction took less than the overlap. Repeats are harmless, misses are not.
"""

import heapq
import time
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db.models import F, Q, QuerySet

from ..conf import cable_settings
from ..wire.payloads import PUBLIC, Change, Key, is_a_user, key_of, microseconds
from ..wire.positions import MICROSECONDS, Reach
from ..wire.protocol import HistoryRequest
from . import notices
from .among import Among
from .audience import JOINED, READER, ByRule, Paths
from .resources import Resource, resources
from .rows import Row, as_stored, aware, for_field, now

# Rows of one resource that a read holds in memory at a time.
PAGE = 1_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# datetime ends there. A later time can only come from a client that probes the server.
_LATEST = microseconds(datetime(9999, 12, 31, tzinfo=UTC))


class TooMuchToReplay(Exception):
    """More rows changed than one replay may hold; the client must refetch."""


class HistoryGone(Exception):
    """The position belongs to another epoch, lies in the future or cannot be read."""


def microseconds_now() -> int:
    """The server's clock, in microseconds since the epoch."""
    return time.time_ns() // 1_000


def reach() -> Reach:
    """The Reach of this installation."""
    return Reach.of(cable_settings().overlap, cable_settings().reconcile_interval)


def overlap() -> int:
    """In microseconds."""
    return reach().overlap


def changes_since(
    user_ids: Collection[Key], certain: int, *, limit: int | None = None, counted: int | None = None
) -> Iterator[Change]:
    """
    The changes for these users since one overlap before `certain` (microseconds since the epoch), oldest
    first. For a position of a client, `certain` is Reach.certain(position).

    A row created since gives a create; also an update if it was updated afterwards; one that is gone, or that
    a user lost, a destroy. Read in pages, each by one query per resource whatever the number of users;
    between two pages the iterator may change threads. For a resource with an audience, call telling.visible()
    before delivery: a user may have lost a row after it changed.

    limit: raises TooMuchToReplay, before the first change, if more rows than that changed after `counted` (by
    default `certain`). Rows of the overlap do not count: a client that was told to refetch must be able to
    subscribe again, however much changed a moment ago.
    """
    if limit is not None:
        _require_at_most(limit, user_ids, certain if counted is None else counted)
    since = _moment(reach().start(min(certain, _LATEST)))
    found: list[Iterator[_Found]] = [_found_in(*asked, since) for asked in _found_again(user_ids)]
    found += [_who_joined(*asked, since) for asked in _found_again(user_ids) if asked[0].joined_at]
    found += [_noticed(user_ids, since, using) for using in notices.databases()]
    return (change for _, changes in heapq.merge(*found, key=itemgetter(0)) for change in changes)


def _found_again(user_ids: Collection[Key]) -> Iterator[tuple[Resource, Collection[Key]]]:
    """
    The resources whose rows have an update time, each with the users of one query. Public rows have a query
    of their own.
    """
    users = [user for user in user_ids if is_a_user(user)]
    for resource in resources().values():
        if resource.updated_at and users:
            yield resource, users
        if resource.updated_at and resource.public is not None and PUBLIC in user_ids:
            yield resource, (PUBLIC,)


def _moment(position: int) -> datetime:
    return _EPOCH + timedelta(microseconds=position)


def _changed(resource: Resource, since: datetime) -> QuerySet[Any]:
    later = as_stored(since, until=now())
    return resource.rows().filter(**{f"{resource.updated_at}__gt": later})


def _of_users(
    resource: Resource, rows: QuerySet[Any], user_ids: Collection[Key], beyond: Q | None = None
) -> QuerySet[Any]:
    """
    The columns of the rows that these users may see: once, or once for each user, with the user in READER.
    """
    columns, audience = resource.columns(), resource.audience
    if _has_readers(resource, user_ids) and isinstance(audience, Paths):
        return audience.readers(rows, columns, user_ids, beyond)
    rows = rows if beyond is None else rows.filter(beyond)
    if PUBLIC in user_ids:
        return resource.of_everybody(rows, gone=True).values(*columns)
    if isinstance(audience, ByRule):
        return audience.rule.rows(rows, user_ids).order_by().values(*columns).distinct()
    return rows.filter(Among(F(resource.owner), user_ids)).values(*columns)


def _has_readers(resource: Resource, user_ids: Collection[Key]) -> bool:
    """Whether a row is found once for each of the users, who are in the column READER."""
    return isinstance(resource.audience, Paths) and PUBLIC not in user_ids


def _require_at_most(limit: int, user_ids: Collection[Key], counted: int) -> None:
    # Without rows that are ahead of the clock, as rows saved often are: it is unknown when they changed.
    since, until = _moment(max(0, min(counted, _LATEST))), now()
    left = limit
    for resource, users in _found_again(user_ids):
        rows = _changed(resource, since).filter(**{f"{resource.updated_at}__lte": for_field(until)})
        left -= _of_users(resource, rows, users).order_by()[: left + 1].count()
        if left < 0:
            raise TooMuchToReplay
    if notices.are_kept() and notices.count(user_ids, since, until, left + 1) > left:
        raise TooMuchToReplay


# The time, and the changes to deliver.
_Found = tuple[datetime, list[Change]]


def _noticed(user_ids: Collection[Key], since: datetime, using: str) -> Iterator[_Found]:
    return ((_moment(change.position), [change]) for change in notices.read(user_ids, since, using))


def _who_joined(resource: Resource, user_ids: Collection[Key], since: datetime) -> Iterator[_Found]:
    """
    A create for each user who got a row by a younger link on the way, such as a membership. In pages, as the
    rows themselves.
    """
    if not isinstance(resource.audience, Paths) or PUBLIC in user_ids:
        return
    path = resource.audience.path_of(resource.joined_at, resource.name)
    later = {f"{JOINED}__gt": as_stored(since, until=now())}
    rows = resource.audience.joined(path, resource.joined_at, resource.rows(), ["pk"], user_ids).filter(
        **later
    )
    if resource.deleted_at:
        rows = rows.filter(**{f"{resource.deleted_at}__isnull": True})
    page = list(rows.order_by(JOINED, "pk", READER)[:PAGE])
    while page:
        for row in page:
            at = aware(row[JOINED])
            yield at, [resource.came(row["pk"], row[READER], at)]
        if len(page) < PAGE:
            return
        last = page[-1]
        beyond = Q(**{f"{JOINED}__gt": last[JOINED]}) | Q(pk__gt=last["pk"])
        beyond |= Q(pk=last["pk"], **{f"{READER}__gt": last[READER]})
        page = list(
            rows.filter(beyond, **{f"{JOINED}__gte": last[JOINED]}).order_by(JOINED, "pk", READER)[:PAGE]
        )


def _found_in(resource: Resource, user_ids: Collection[Key], since: datetime) -> Iterator[_Found]:
    for page in _pages(resource, user_ids, since):
        for row in map(resource.row, _by_reader(resource, page, user_ids)):
            yield row.updated_at, list(_announcements(resource, row, since))


def _pages(resource: Resource, user_ids: Collection[Key], since: datetime) -> Iterator[list[dict[str, Any]]]:
    """
    Oldest first. Without a database cursor: each page begins behind the last row of the one before. A row
    that changes meanwhile comes again, with its later time.
    """
    updated_at = resource.updated_at
    by_reader = _has_readers(resource, user_ids)
    order = [updated_at, "pk", *([READER] if by_reader else [])]
    rows, beyond = _changed(resource, since), None
    while page := list(_of_users(resource, rows, user_ids, beyond).order_by(*order)[:PAGE]):
        yield page
        if len(page) < PAGE:
            return
        last = page[-1]
        beyond = Q(**{f"{updated_at}__gt": last[updated_at]}) | Q(pk__gt=last["pk"])
        if by_reader:
            beyond |= Q(pk=last["pk"], **{f"{READER}__gt": last[READER]})
        beyond &= Q(**{f"{updated_at}__gte": last[updated_at]})


def _by_reader(
    resource: Resource, page: list[dict[str, Any]], user_ids: Collection[Key]
) -> Iterator[dict[str, Any]]:
    """Each row once for each of the users who may see it."""
    if PUBLIC in user_ids:
        yield from ({**row, resource.owner: PUBLIC} for row in page)
        return
    if not isinstance(resource.audience, ByRule):
        yield from page
        return
    by_key = {row["pk"]: row for row in page}
    rows = resource.rows().filter(Among(F("pk"), [key_of(pk) for pk in by_key]))
    pairs = list(resource.audience.users(rows, user_ids))
    readers: dict[Any, set[Any]] = {}
    for pk, user in pairs:
        readers.setdefault(pk, set()).add(user)
    for pk, row in by_key.items():
        yield from ({**row, READER: user} for user in readers.get(pk, ()))


def _announcements(resource: Resource, row: Row, since: datetime) -> Iterator[Change]:
    if not row.gone and row.created_at is not None and row.created_at > since:
        yield resource.was_created(row)
        # Not if it is earlier: another server, whose clock is behind, may have saved it since.
        if row.updated_at == row.created_at:
            return
    yield resource.as_it_is(row)


def counted_from(request: HistoryRequest, position: int) -> int:
    """
    Rows after this count towards the limit. position: from resume_position(). A `since` is a whole second,
    and what changed within it cannot be said to be later.
    """
    return position if request.offset is not None else position + MICROSECONDS


def resume_position(request: HistoryRequest, *, epoch: str, now: int) -> int | None:
    """
    The position that a client asks to resume from, in microseconds; None if there is nothing to replay. Pure,
    except for the settings.

    now: the server's clock, in microseconds. Raises HistoryGone.
    """
    if request.malformed:
        raise HistoryGone("unreadable position")
    if request.offset is not None and request.epoch != epoch:
        raise HistoryGone("another epoch")
    position = request.position
    if position is None:
        return None
    if reach().is_future(position, now):
        raise HistoryGone("a position in the future")
    # The read starts earlier, and notices that were pruned by then would be missing.
    oldest = now - cable_settings().deletions_kept * MICROSECONDS
    if notices.are_kept() and reach().start(reach().certain(int(position))) < oldest:
        raise HistoryGone("older than the notices of deletions")
    return int(position)

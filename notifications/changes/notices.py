"""
What the tables of the rows cannot show: that a row is gone, or that a user lost or got a row that did not
change. It is recorded in notices, in the transaction in which it happens, and read like the rows themselves.
"""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import F, Q, QuerySet

from ..conf import cable_settings
from ..models import Notice
from ..wire.payloads import DESTROY, Change, Key, create_change, destroy_change
from .among import Among
from .resources import resources
from .rows import as_stored, aware, for_field, now

PAGE = 1_000
# Notices that again() holds in memory.
PORTION = 5_000
# Rows that one statement deletes: other writers wait for it, at least on SQLite.
PRUNED_AT_ONCE = 1_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def are_kept() -> bool:
    """Whether any resource has notices: without one, no query asks for them."""
    return any(resource.deletions for resource in resources().values())


def databases() -> set[str]:
    """The aliases of the databases with notices: a notice is in the database of its row."""
    return {resource.written_in() for resource in resources().values() if resource.deletions}


def write(changes: Iterable[Change], using: str) -> None:
    """
    In one statement, or as few as the database's limit of parameters allows. Writes none in a database that
    no resource is read from: nothing would read them, and the table need not be there.
    """
    rows = [
        Notice(
            resource=change.resource,
            key=json.dumps(change.pk, ensure_ascii=False),
            user=json.dumps(change.user_id, ensure_ascii=False),
            is_destroy=change.action == DESTROY,
            at=for_field(_EPOCH + timedelta(microseconds=change.position)),
        )
        for change in changes
    ]
    if rows and using in databases():
        Notice.objects.using(using).bulk_create(rows)


class Written(NamedTuple):
    """Notices that were written at once. at: microseconds since the epoch, which hardly any others share."""

    resource: str
    at: int

    @classmethod
    def of(cls, changes: Sequence[Change]) -> "Written":
        return cls(changes[0].resource, changes[0].position)


def again(written: Written, using: str) -> Iterator[list[Change]]:
    """Reads them again, in portions, in the order in which they were written."""
    at = for_field(_EPOCH + timedelta(microseconds=written.at))
    rows = Notice.objects.using(using).filter(resource=written.resource, at=at).order_by("pk")
    last = 0
    while page := list(rows.filter(pk__gt=last)[:PORTION]):
        yield [_change(row) for row in page]
        last = page[-1].pk


def _of(users: Collection[Key], since: datetime, using: str) -> QuerySet[Any]:
    texts = [json.dumps(user, ensure_ascii=False) for user in users]
    return Notice.objects.using(using).filter(Among(F("user"), texts), at__gt=as_stored(since, until=now()))


def count(users: Collection[Key], since: datetime, until: datetime, limit: int) -> int:
    """At most limit."""
    return sum(
        _of(users, since, using).filter(at__lte=for_field(until))[:limit].count() for using in databases()
    )


def read(users: Collection[Key], since: datetime, using: str) -> Iterator[Change]:
    """Oldest first, in pages."""
    names = {resource.name for resource in resources().values() if resource.deletions}
    rows = _of(users, since, using).order_by("at", "pk")
    page = list(rows[:PAGE])
    while page:
        yield from (_change(row) for row in page if row.resource in names)
        if len(page) < PAGE:
            return
        last = page[-1]
        page = list(rows.filter(Q(at__gt=last.at) | Q(pk__gt=last.pk), at__gte=last.at)[:PAGE])


def _change(row: Notice) -> Change:
    make = destroy_change if row.is_destroy else create_change
    return make(row.resource, json.loads(row.key), json.loads(row.user), aware(row.at))


def prune() -> int:
    """Deletes some of those that are too old for any position. Returns how many."""
    oldest = datetime.fromtimestamp(time.time() - cable_settings().deletions_kept, UTC)
    deleted = 0
    for using in databases():
        rows = Notice.objects.using(using)
        old = list(
            rows.filter(at__lt=for_field(oldest)).order_by("at").values_list("pk", flat=True)[:PRUNED_AT_ONCE]
        )
        deleted += rows.filter(pk__in=old).delete()[0] if old else 0
    return deleted

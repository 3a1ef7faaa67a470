"""
Turns the changes of a transaction into those of single users, once it is committed: the users who may see a
row then.

The same check is made for changes that are read from the tables, between the read and the delivery: a user
who lost a row meanwhile must not be notified of it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from operator import itemgetter
from typing import Any

from django.db.models import F, QuerySet

from ..wire.payloads import ANONYMOUS, DESTROY, PUBLIC, Alike, Change, Key, RowId, id_of, is_a_user, key_of
from .among import Among
from .resources import Resource, public_resources, resources, shared_resources
from .steps import AUDIENCE

# Changes that are held in memory at a time, and users of one of them, of an audience of any size.
CHUNK = 5_000
USERS = 5_000
# With so many readers of a row, its change is held once, and not for each of them.
MANY = 16

_Pair = tuple[RowId, Key]


def heard_by(user_id: Key) -> tuple[Key, ...]:
    """The users whose changes this one receives: its own, and PUBLIC if there are public rows."""
    if user_id == ANONYMOUS:
        return (PUBLIC,)
    return (user_id, PUBLIC) if public_resources() else (user_id,)


def are_checked() -> bool:
    """Whether any resource has rows that a user may lose without a change of the row."""
    return bool(shared_resources() or public_resources())


def is_checked(change: Change) -> bool:
    """Whether its user may lose the row, or see it again, without a change of the row."""
    if change.user_id == PUBLIC or change.resource in shared_resources():
        return True
    # A user who lost a row may still see it as a public row.
    return change.action == DESTROY and change.resource in public_resources()


def for_users(changes: list[Change], using: str) -> Iterator[Sequence[Change]]:
    """
    In chunks; the changes of a row in order. using: the connection that they were committed on. One query per
    resource.
    """
    if not are_checked() or not any(map(is_checked, changes)):
        yield changes
        return
    yield [change for change in changes if not is_checked(change)]
    ours = [change for change in changes if is_checked(change)]
    found = visible([change for change in ours if change.user_id != AUDIENCE], using)
    # Beyond that, the users to leave out are too many for a message: the passes, which check only the users
    # who listen, deliver it.
    yield [change for change in found if len(change.kept_by) <= USERS]
    for resource in shared_resources().values():
        theirs = [each for each in ours if each.user_id == AUDIENCE and each.resource == resource.name]
        yield from _expanded(resource, theirs, using)


def _expanded(resource: Resource, changes: Collection[Change], using: str) -> Iterator[Sequence[Change]]:
    """Each change, for each user who may see its row, or could before a soft delete."""
    by_row: dict[RowId, list[Change]] = {}
    for change in changes:
        by_row.setdefault(change.pk, []).append(change)
    chunk: list[Change] = []
    for row, users in _readers(resource, list(by_row), using):
        for each in (Alike(change, users) for change in by_row[row]):
            if len(users) >= MANY:
                yield each
            else:
                chunk += each
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _readers(resource: Resource, keys: list[RowId], using: str) -> Iterator[tuple[RowId, list[Key]]]:
    """
    A row with many readers may come several times, each time with others. Readers of a rule come in the
    rule's order.
    """
    rows = resource.rows(using).filter(Among(F("pk"), keys))
    pairs = resource.audience.users(rows) if keys and resource.audience else ()
    for pk, of_row in groupby(pairs, itemgetter(0)):
        while users := [key_of(user) for _, user in islice(of_row, USERS)]:
            yield id_of(pk), users


def visible(
    changes: list[Change], using: str | None = None, *, users: Collection[Key] | None = None
) -> list[Change]:
    """
    The changes that are true now: a destroy for a user who does not see the row, everything else for a user
    who does. Checked are only changes of rows with an audience, or for everybody. A destroy for everybody is
    not for users who see the row by a path of their own: they are in its kept_by, as far as they are among
    `users` (None: all).

    using: the database to ask; by default that of each resource.
    """
    if not are_checked():
        return changes
    asked: dict[str, list[Change]] = {}
    for change in filter(is_checked, changes):
        asked.setdefault(change.resource, []).append(change)
    seen = {name: _seen(name, theirs, using) for name, theirs in asked.items()}
    true = [change for change in changes if not is_checked(change) or _is_true(change, seen)]
    lost = {name: [change for change in theirs if _is_for_all(change)] for name, theirs in asked.items()}
    kept = {name: _kept(name, theirs, using, users) for name, theirs in lost.items() if theirs}
    return [_but_for(change, kept[change.resource]) if _is_for_all(change) else change for change in true]


def _is_true(change: Change, seen: Mapping[str, set[_Pair]]) -> bool:
    found = seen[change.resource]
    if change.action == DESTROY:
        # Each user sees a public row.
        return not {(change.pk, change.user_id), (change.pk, PUBLIC)}.intersection(found)
    return (change.pk, change.user_id) in found


def _is_for_all(change: Change) -> bool:
    """Whether it is a destroy for everybody."""
    return change.user_id == PUBLIC and change.action == DESTROY


def _but_for(change: Change, kept: Mapping[RowId, frozenset[Key]]) -> Change:
    return change._replace(kept_by=kept.get(change.pk, frozenset()))


def _kept(
    name: str, lost: Collection[Change], using: str | None, users: Collection[Key] | None
) -> dict[RowId, frozenset[Key]]:
    """By row, which of these users see it by a path of their own."""
    resource = resources()[name]
    among = None if users is None else [user for user in users if is_a_user(user)]
    found: dict[RowId, set[Key]] = {}
    for pk, user in _pairs(resource, _there(resource, lost, using), among):
        found.setdefault(pk, set()).add(user)
    return {pk: frozenset(theirs) for pk, theirs in found.items()}


def _pairs(resource: Resource, rows: QuerySet[Any], users: Collection[Key] | None) -> Iterator[_Pair]:
    """Which of these users sees which of these rows by a path of their own. users: None for all."""
    if users is not None and not users:
        return
    pairs: Iterable[tuple[Any, Any]]
    if resource.audience:
        pairs = resource.audience.users(rows, users)
    else:
        rows = rows if users is None else rows.filter(Among(F(resource.owner), users))
        pairs = rows.values_list("pk", resource.owner)
    yield from ((id_of(pk), key_of(user)) for pk, user in pairs)


def _there(resource: Resource, asked: Collection[Change], using: str | None) -> QuerySet[Any]:
    """The rows that these changes are about, and that are not deleted softly."""
    rows = resource.rows(using or resource.written_in())
    rows = rows.filter(Among(F("pk"), list({change.pk for change in asked})))
    return rows.filter(**{f"{resource.deleted_at}__isnull": True}) if resource.deleted_at else rows


def _seen(name: str, asked: Collection[Change], using: str | None) -> set[_Pair]:
    """Which of these rows are seen by which of these users, PUBLIC included."""
    resource = resources()[name]
    rows = _there(resource, asked, using)
    users = {change.user_id for change in asked} - {PUBLIC}
    found = set(_pairs(resource, rows, list(users)))
    if resource.public is not None:
        found.update((id_of(pk), PUBLIC) for pk in resource.of_everybody(rows).values_list("pk", flat=True))
    return found

"""
Events on their way to a group, checked before they are queued.

An event that the channel layer cannot serialise must never reach a queue: no retry would help, and the events
behind it would wait for ever.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ..wire.payloads import Alike, Change, Key, key_of
from .events import changes_event, control_group, disconnect_event, group_for_user, shared_event
from .layers import require_serialisable

# Keeps an event far below the limits of Redis and msgpack.
CHANGES_PER_EVENT = 500
# Characters of payloads, which may have further keys.
PAYLOADS_PER_EVENT = 2**17
USERS_PER_EVENT = 5_000
# So many users of a shared change take as much room in a queue as a change of one user: only their keys.
USERS_PER_SIZE = 50
# A change for this many users or more is sent to all processes at once, not to the group of each user.
SHARED_FROM = 16


class Outgoing(NamedTuple):
    """
    weight: how many changes it carries; an event of another kind counts as one. size: its room in a queue, in
    changes of one user.
    """

    group: str
    event: dict[str, Any]
    weight: int
    size: int


def outgoing(group: str, event: dict[str, Any], weight: int = 1, size: int = 0) -> Outgoing:
    """
    size: 0 stands for the weight. Raises TypeError, ValueError or OverflowError if it cannot be serialised.
    """
    require_serialisable(event)
    return Outgoing(group, event, weight, size or weight)


def split_shared(changes: Sequence[Change]) -> tuple[list[Alike], Sequence[Change]]:
    """
    The changes that many users receive alike, each with all its users; and the rest. Otherwise Redis, and
    each process, would handle one message per user.
    """
    if len(changes) < SHARED_FROM:
        return [], changes
    if isinstance(changes, Alike):
        return [changes], ()
    users: dict[Change, list[Key]] = {}
    for change in changes:
        users.setdefault(change._replace(user_id=""), []).append(change.user_id)
    shared = [Alike(change, found) for change, found in users.items() if len(found) >= SHARED_FROM]
    alike = {each.change for each in shared}
    return shared, [change for change in changes if change._replace(user_id="") not in alike]


def shared_for(alike: Alike, client: str) -> list[Outgoing]:
    """Split into events of a limited size. client: as in a Change."""
    at, change, users = time.time(), alike.change._replace(client=client), alike.users
    chunks = (users[first : first + USERS_PER_EVENT] for first in range(0, len(users), USERS_PER_EVENT))
    return [
        outgoing(control_group(), shared_event(change, each, at), len(each), 1 + len(each) // USERS_PER_SIZE)
        for each in chunks
    ]


def chunks_by_user(changes: Sequence[Change]) -> Iterator[tuple[Key, list[Change]]]:
    """The changes of each user in order, cut where an event would grow too long."""
    by_user: dict[Key, list[Change]] = {}
    for change in changes:
        by_user.setdefault(change.user_id, []).append(change)
    for user_id, theirs in by_user.items():
        for chunk in _cut(theirs):
            yield user_id, chunk


def _cut(changes: Iterable[Change]) -> Iterator[list[Change]]:
    chunk: list[Change] = []
    size = 0
    for change in changes:
        if len(chunk) == CHANGES_PER_EVENT or size > PAYLOADS_PER_EVENT:
            yield chunk
            chunk, size = [], 0
        chunk.append(change)
        size += len(change.payload)
    yield chunk


def changes_for(user_id: Key, changes: Sequence[Change]) -> Outgoing:
    return outgoing(group_for_user(user_id), changes_event(changes, time.time()), len(changes))


def checked_disconnect(
    user_id: object, keys: Iterable[object] | None, reason: str, reconnect: bool
) -> dict[str, Any]:
    """
    The event of sync_cable.disconnect. A user is replaced by the primary key, and keys are sent as text.

    Raises TypeError for no user at all, and for a single text in place of a list of keys: as a list it
    would name each of its characters.
    """
    user_id = getattr(user_id, "pk", user_id)
    if user_id is None:
        raise TypeError("user_id is None: expected the primary key of a user")
    if isinstance(keys, str | bytes):
        raise TypeError(f"keys is a {type(keys).__name__}: expected a list of keys, or None for all")
    texts = None if keys is None else [str(key) for key in keys]
    return disconnect_event(key_of(user_id), texts, reason, bool(reconnect))

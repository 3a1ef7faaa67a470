"""
Notifications on the wire, and the changes they announce. Pure: no Django.

    {"action":"create#projects","id":42}
    {"action":"update#tasks","id":23,"updatedAt":1515248100}
    {"action":"destroy#books","id":42}
"""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, overload

CREATE = "create"
UPDATE = "update"
DESTROY = "destroy"

# A JSON client can compare numbers and texts; a UUID is sent as its text.
Key = int | str
# A primary key; a composite one is an array in JSON.
RowId = Key | tuple[Key, ...]
# What is delivered, and to whom: (user, resource, primary key, action).
RowKey = tuple[Key, str, Key, str]

# In place of a user: PUBLIC is every connected client, ANONYMOUS a client without a user. No primary key
# holds a NUL.
PUBLIC = "\0public"
ANONYMOUS = "\0anonymous"
# Prefix of the made-up user of an anonymous `cable_check`, who owns no row and is nobody else.
CHECK = "\0cable_check."

# dumps() would make an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":")).encode
# For values that are not ours: NaN is not JSON.
_strict = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
UNITS = {"s": 1_000_000, "ms": 1_000}


class Change(NamedTuple):
    """
    One row that changed, ready to be delivered.

    position: when, in microseconds since the epoch. For a create that is announced as it happens, the
    updated_at that the row had: the create stands for the row as it was then. For a create found in the
    tables, created_at. For a destroy, when the row was deleted, or the user lost it.
    Negative if no table holds this time: then it proves nothing known, and nothing proves it known.
    pk: of a composite primary key, its JSON text.
    payload: the notification as JSON text, so that it is not encoded again.
    client: the name of the client that made the change, and need not be notified; usually "".
    kept_by: of a destroy for everybody, the users who can still see the row, by another path.
    """

    action: str
    resource: str
    pk: Key
    user_id: Key
    position: int
    payload: str
    client: str = ""
    kept_by: frozenset[Key] = frozenset()

    @property
    def time(self) -> int:
        """In microseconds since the epoch, whether the tables hold it or not."""
        return abs(self.position)

    @property
    def is_in_tables(self) -> bool:
        """Whether a read of the tables finds this version too."""
        return self.position >= 0

    @property
    def row(self) -> RowKey:
        """The key by which a later change of the same kind, for the same user, replaces this one."""
        return (self.user_id, self.resource, self.pk, self.action)

    @property
    def creation(self) -> RowKey:
        """The `row` of the create of the same row, for the same user."""
        return (self.user_id, self.resource, self.pk, CREATE)


class Alike(Sequence[Change]):
    """
    One change for many users, as a sequence of the changes of each. The changes are made when they are read:
    making thousands costs more than delivering them. change: its own user is ignored.
    """

    def __init__(self, change: Change, users: Sequence[Key]) -> None:
        self.change = change
        self.users = users

    def __len__(self) -> int:
        return len(self.users)

    def __iter__(self) -> Iterator[Change]:
        return (self.change._replace(user_id=user) for user in self.users)

    @overload
    def __getitem__(self, index: int) -> Change: ...
    @overload
    def __getitem__(self, index: slice) -> "Alike": ...
    def __getitem__(self, index: int | slice) -> "Change | Alike":
        if isinstance(index, slice):
            return Alike(self.change, self.users[index])
        return self.change._replace(user_id=self.users[index])


def microseconds(moment: datetime) -> int:
    """Since the epoch. Raises ValueError if moment is naive: its epoch would depend on the host."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no position")
    return (moment - _EPOCH) // _MICROSECOND


def is_a_user(key: Key) -> bool:
    """Whether rows may belong to it."""
    return not (isinstance(key, str) and key.startswith("\0"))


def shown(user_id: Key) -> Key:
    """The user as an operator reads it."""
    return user_id.lstrip("\0") if isinstance(user_id, str) else user_id


def key_of(value: object) -> Key:
    """A key as it is sent: an int stays one, everything else becomes its text."""
    return value if isinstance(value, int) else str(value)


def id_of(value: object) -> RowId:
    """A primary key as it is sent; a composite one part by part."""
    return tuple(map(key_of, value)) if isinstance(value, tuple) else key_of(value)


def create_change(
    resource: str, pk: RowId, user_id: Key, at: datetime, *, in_tables: bool = True, further: str = ""
) -> Change:
    """
    A create. resource: its name on the wire, such as "tasks". at: see Change.position.
    in_tables: whether at is what the tables say. further: members of the payload, as JSON text.
    """
    payload = f"{_head(CREATE, resource)}{_json(pk)}{_members(further)}}}"
    return Change(CREATE, resource, _key(pk), user_id, _position(at, in_tables), payload)


def update_change(
    resource: str,
    pk: RowId,
    user_id: Key,
    updated_at: datetime,
    unit: str = "s",
    *,
    in_tables: bool = True,
    further: str = "",
) -> Change:
    """
    A row that was updated. in_tables, further: as create_change.

    unit: of `updatedAt` on the wire, "s" (the contract: whole seconds since the epoch) or "ms" (what the
    Vue client of 2018 compares with). Raises ValueError if updated_at is naive.
    """
    told = microseconds(updated_at) // UNITS[unit]
    payload = f'{_head(UPDATE, resource)}{_json(pk)},"updatedAt":{told}{_members(further)}}}'
    return Change(UPDATE, resource, _key(pk), user_id, _position(updated_at, in_tables), payload)


def _position(at: datetime, in_tables: bool) -> int:
    return microseconds(at) if in_tables else -microseconds(at)


def members(keys: dict[str, object]) -> str:
    """
    Further members of a payload, as JSON text without braces; "" if there are none. Raises TypeError or
    ValueError for what is not JSON, and for keys that a notification has already.
    """
    if not all(isinstance(key, str) for key in keys):
        raise TypeError(f"keys {sorted(map(repr, keys))}: expected texts")
    if taken := sorted({"action", "id", "updatedAt"}.intersection(keys)):
        raise ValueError(f"keys {taken} are the notification's own")
    return _strict(keys)[1:-1]


def _members(further: str) -> str:
    return further and f",{further}"


def destroy_change(resource: str, pk: RowId, user_id: Key, at: datetime) -> Change:
    """A row that is gone, for this user at least."""
    payload = f"{_head(DESTROY, resource)}{_json(pk)}}}"
    return Change(DESTROY, resource, _key(pk), user_id, microseconds(at), payload)


@lru_cache(maxsize=256)
def _head(action: str, resource: str) -> str:
    """A notification up to its id. Cached: every save makes a notification, and encoding JSON takes time."""
    return _encode({"action": f"{action}#{resource}"}).removesuffix("}") + ',"id":'


def _json(key: RowId) -> str:
    return str(key) if type(key) is int else _encode(key)


def _key(pk: RowId) -> Key:
    """A hashable form of the key, which a message brings back unchanged."""
    return _json(pk) if isinstance(pk, tuple) else pk

"""
Notifications on the wire, and the changes they announce. Pure: no Django.

    {"action":"create#projects","id":42}
    {"action":"update#tasks","id":23,"updatedAt":1515248100}
"""

import json
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

CREATE = "create"
UPDATE = "update"

# Both a number and a text are what a JSON client can compare; a UUID goes as its text.
Key = int | str

# dumps() would make an encoder for each call.
_encode = json.JSONEncoder(separators=(",", ":")).encode

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
UNITS = {"s": 1_000_000, "ms": 1_000}


class Change(NamedTuple):
    """
    One row that changed, ready to be delivered.

    position: when, in microseconds since the epoch. Of a create that is announced as it happens, the
    updated_at that the row had: it tells of the row as it was then. Of one found in the tables, created_at.
    payload: the notification as JSON text, so that nobody encodes it again.
    """

    action: str
    resource: str
    pk: Key
    user_id: Key
    position: int
    payload: str

    @property
    def row(self) -> tuple[str, str, Key]:
        """What a later change of the same kind replaces."""
        return (self.action, self.resource, self.pk)

    @property
    def creation(self) -> tuple[str, str, Key]:
        """The `row` of the create of the same row."""
        return (CREATE, self.resource, self.pk)


def microseconds(moment: datetime) -> int:
    """Since the epoch. Raises ValueError if moment is naive: its epoch would depend on the host."""
    if moment.tzinfo is None:
        raise ValueError("a naive datetime has no position")
    return (moment - _EPOCH) // _MICROSECOND


def key_of(value: object) -> Key:
    """A primary key as it travels: an int stays one, everything else becomes its text."""
    return value if isinstance(value, int) else str(value)


def create_change(resource: str, pk: Key, user_id: Key, at: datetime) -> Change:
    """A row that was created. resource: its name on the wire, such as "tasks". at: see Change.position."""
    payload = f"{_head(CREATE, resource)}{_json(pk)}}}"
    return Change(CREATE, resource, pk, user_id, microseconds(at), payload)


def update_change(resource: str, pk: Key, user_id: Key, updated_at: datetime, unit: str = "s") -> Change:
    """
    A row that was updated.

    unit: of `updatedAt` on the wire, "s" (the contract: whole seconds since the epoch) or "ms" (what the
    Vue client of 2018 compares with). Raises ValueError if updated_at is naive.
    """
    position = microseconds(updated_at)
    payload = f'{_head(UPDATE, resource)}{_json(pk)},"updatedAt":{position // UNITS[unit]}}}'
    return Change(UPDATE, resource, pk, user_id, position, payload)


@lru_cache(maxsize=256)
def _head(action: str, resource: str) -> str:
    """A notification up to its id. Encoded once: every save makes a notification, and json takes its time."""
    return _encode({"action": f"{action}#{resource}"}).removesuffix("}") + ',"id":'


def _json(key: Key) -> str:
    return str(key) if type(key) is int else _encode(key)

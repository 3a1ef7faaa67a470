"""
The messages between processes over the channel layer, and the groups that they are sent to.

    {"type": "cable.changes", "changes": [[action, resource, pk, user_id, position, payload], …], "at": …}
    {"type": "cable.shared", "change": [action, resource, pk, position, payload], "users": [...], "at": …}
    {"type": "cable.disconnect", "user_id": …, "keys": [...] or None, "reason": …, "reconnect": …, "order": …}
    with "socket": only that socket, whichever user it belongs to
    {"type": "cable.epoch", "order": …}
    {"type": "cable.probe", "nonce": …}
    {"type": "cable.ask", "answer_to": …, "users": [...] or None}
    {"type": "cable.tail", "answer_to": …, "user_id": …, "ends": …}
    {"type": "cable.answer", "state": {…}}

A change that was made by a client with a name (ground/echo.py) has the name after its payload. A destroy for
everybody then has the users who keep the row.
An order (disconnect, epoch) with "answer_to" is acknowledged to that group by each process that carried it
out. Channels defines only the meaning of "type". A payload is ready JSON text, so that it is not encoded
again for each socket.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..wire.payloads import ANONYMOUS, PUBLIC, Change, Key
from .installation import prefix

CHANGES = "cable.changes"
SHARED = "cable.shared"
DISCONNECT = "cable.disconnect"
EPOCH = "cable.epoch"
PROBE = "cable.probe"
ASK = "cable.ask"
TAIL = "cable.tail"
ANSWER = "cable.answer"

# The stream of public rows. Streams of users begin with "user.".
PUBLIC_STREAM = "public"

_STREAM_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")
# The longest name after the prefix: the whole must stay below the 100 characters that Channels allows.
_LONGEST = 69


def stream_of_user(user_id: Key) -> str:
    """The name of a user's stream on the wire: the same in every installation."""
    if user_id in (PUBLIC, ANONYMOUS):
        return PUBLIC_STREAM
    name = str(user_id)
    if not _STREAM_NAME.fullmatch(name):
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"user.{name}"


def group_for_user(user_id: Key) -> str:
    """The group of the channel layer that carries the stream of a user of this installation."""
    stream = stream_of_user(user_id)
    if len(stream) > _LONGEST:
        stream = f"user.{hashlib.sha256(stream.encode()).hexdigest()}"
    return f"{prefix()}.{stream}"


def public_group() -> str:
    """The group of the public stream of this installation."""
    return f"{prefix()}.{PUBLIC_STREAM}"


def pattern_of_all_users() -> str:
    """For Redis' PSUBSCRIBE: every group_for_user of this installation, and no other's."""
    return f"{prefix()}.user.*"


def control_group() -> str:
    """
    The group that every process of this installation is in, for what concerns sockets whatever they subscribe
    to.
    """
    return f"{prefix()}.cable.control"


def canary_group(name: str, index: int) -> str:
    """name: of one broker, 16 characters."""
    return f"{prefix()}.cable.canary.{name}.{index}"


def answers_group(name: str) -> str:
    """name: of the process that asks, 16 characters."""
    return f"{prefix()}.cable.answers.{name}"


def changes_event(changes: Iterable[Change], at: float) -> dict[str, Any]:
    """at: when it was committed, in seconds since the epoch, for the latency histogram."""
    return {"type": CHANGES, "changes": [_fields(change) for change in changes], "at": at}


def _fields(change: Change) -> list[Any]:
    if change.kept_by:
        return [*change[:-1], list(change.kept_by)]
    return list(change[:-1] if change.client else change[:-2])


def changes_of(event: dict[str, Any]) -> Iterator[Change]:
    """The changes in a changes_event."""
    return map(_change, event["changes"])


def _change(fields: list[Any]) -> Change:
    change = Change(*fields)
    return change._replace(kept_by=frozenset(change.kept_by)) if change.kept_by else change


def shared_event(change: Change, users: Sequence[Key], at: float) -> dict[str, Any]:
    """
    One change for many users, sent to every process: each delivers it to those of the users that it has.
    """
    action, resource, pk, _, *rest = _fields(change)
    return {"type": SHARED, "change": [action, resource, pk, *rest], "users": list(users), "at": at}


def changes_of_shared(event: dict[str, Any], users: Iterable[Key] | None = None) -> Iterator[Change]:
    """One change for each user of the event, or only for these, if the others are known not to matter."""
    action, resource, pk, *rest = event["change"]
    return (
        Change(action, resource, pk, user, *rest) for user in (event["users"] if users is None else users)
    )


def disconnect_event(user_id: Key, keys: list[str] | None, reason: str, reconnect: bool) -> dict[str, Any]:
    """Has a name, "order", because it may arrive by two ways and is carried out once."""
    return {
        "type": DISCONNECT,
        "user_id": user_id,
        "keys": keys,
        "reason": reason,
        "reconnect": reconnect,
        "order": secrets.token_hex(8),
    }


def disconnect_one_event(socket: str, reason: str) -> dict[str, Any]:
    """socket: the name of one, see state.socket_name. Its client may reconnect."""
    # A process of an older version finds no such user, and does nothing.
    return {**disconnect_event("", [], reason, reconnect=True), "socket": socket}


def epoch_event() -> dict[str, Any]:
    return {"type": EPOCH, "order": secrets.token_hex(8)}


def probe_event(nonce: str) -> dict[str, Any]:
    return {"type": PROBE, "nonce": nonce}


def ask_event(answer_to: str, users: Sequence[Key] | None) -> dict[str, Any]:
    """answer_to: a group. users: see state.snapshot."""
    return {"type": ASK, "answer_to": answer_to, "users": None if users is None else list(users)}


def tail_event(answer_to: str, user_id: Key, *, ends: bool = False) -> dict[str, Any]:
    """answer_to: a group, the same for all questions of one asker. ends: this is the last of them."""
    return {"type": TAIL, "answer_to": answer_to, "user_id": user_id, "ends": ends}


def answer_event(state: dict[str, Any]) -> dict[str, Any]:
    return {"type": ANSWER, "state": state}

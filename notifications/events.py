"""
What travels over the channel layer between processes, and the groups it travels in.

    {"type": "cable.changes", "changes": [[action, resource, pk, user_id, position, payload], …], "at": …}
    {"type": "cable.disconnect", "user_id": …, "keys": [...] or None, "reason": …, "reconnect": …}
    {"type": "cable.epoch"}
    {"type": "cable.probe", "nonce": …}
    {"type": "cable.ask", "answer_to": …, "users": [...] or None}
    {"type": "cable.answer", "state": {…}}

Channels fixes the meaning of "type" only. A payload is ready JSON text: nobody encodes it per socket.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from notifications.payloads import Change, Key

CHANGES = "cable.changes"
DISCONNECT = "cable.disconnect"
EPOCH = "cable.epoch"
PROBE = "cable.probe"
ASK = "cable.ask"
ANSWER = "cable.answer"

# Every process is in it: what concerns sockets whatever they subscribe to.
CONTROL_GROUP = "cable.control"

_GROUP_NAME = re.compile(r"[A-Za-z0-9_.-]{1,80}")


def group_for_user(user_id: Key) -> str:
    """The group that carries the stream of a user, and the name of that stream on the wire."""
    name = str(user_id)
    if not _GROUP_NAME.fullmatch(name):
        name = hashlib.sha256(name.encode()).hexdigest()
    return f"user.{name}"


def changes_event(changes: Iterable[Change], at: float) -> dict[str, Any]:
    """at: when it was committed, in seconds since the epoch, for the latency histogram."""
    return {"type": CHANGES, "changes": [list(change) for change in changes], "at": at}


def disconnect_event(user_id: Key, keys: list[str] | None, reason: str, reconnect: bool) -> dict[str, Any]:
    return {
        "type": DISCONNECT,
        "user_id": user_id,
        "keys": keys,
        "reason": reason,
        "reconnect": reconnect,
    }


def probe_event(nonce: str) -> dict[str, Any]:
    return {"type": PROBE, "nonce": nonce}


def ask_event(answer_to: str, users: Sequence[Key] | None) -> dict[str, Any]:
    """answer_to: a group. users: see state.snapshot."""
    return {"type": ASK, "answer_to": answer_to, "users": None if users is None else list(users)}


def answer_event(state: dict[str, Any]) -> dict[str, Any]:
    return {"type": ANSWER, "state": state}

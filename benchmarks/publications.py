"""
What each server's own publisher puts on Redis for one notification, byte for byte. Pure.

Publishing is not what is measured, so that it is done as cheaply as can be: by load.py, many at a time.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgpack

from notifications.events import changes_event, group_for_user
from notifications.payloads import update_change

Publication = Callable[[int, int, int], tuple[str, bytes]]


def _payload(task: int, version: int) -> dict[str, object]:
    return {"action": "update#tasks", "id": task, "updatedAt": version}


def _layer_channel(group: str) -> str:
    return f"asgi__group__{group}"


def cable(user: int, task: int, version: int) -> tuple[str, bytes]:
    """notifications.publisher, by way of the channel layer."""
    change = update_change("tasks", task, user, datetime.fromtimestamp(version, UTC))
    event = changes_event([change], time.time())
    return _layer_channel(group_for_user(user)), msgpack.packb(event)


def textbook(user: int, task: int, version: int) -> tuple[str, bytes]:
    """channel_layer.group_send to a consumer's handler."""
    event = {"type": "notify", "payload": _payload(task, version)}
    return _layer_channel(f"user.{user}"), msgpack.packb(event)


def packaged(user: int, task: int, version: int) -> tuple[str, bytes]:
    """django-actioncable's cable_broadcast."""
    group = f"user.{user}"
    event = {"type": "action_cable_message", "group": group, "message": _payload(task, version)}
    return _layer_channel(group), msgpack.packb(event)


def plain(user: int, task: int, version: int) -> tuple[str, bytes]:
    """ActionCable.server.broadcast; and what a bare application would do."""
    return f"user.{user}", json.dumps(_payload(task, version), separators=(",", ":")).encode()


PUBLICATIONS: dict[str, Publication] = {
    "cable": cable,
    "textbook": textbook,
    "packaged": packaged,
    "plain": plain,
}

"""
What each server's own publisher puts on Redis for one notification, byte for byte. Pure.

Publishing is not what is measured, so that it is done as cheaply as can be: by load.py, many at a time.
"""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgpack

from notifications.broker.events import changes_event, shared_event, stream_of_user
from notifications.wire.payloads import update_change

# CABLE_PREFIX of the servers that are measured: whoever publishes here knows none of their settings.
PREFIX = "bench"

Publication = Callable[[int, int, int], tuple[str, bytes]]


def _payload(task: int, version: int) -> dict[str, object]:
    return {"action": "update#tasks", "id": task, "updatedAt": version}


def _layer_channel(group: str) -> str:
    return f"asgi__group__{group}"


def cable(user: int, task: int, version: int) -> tuple[str, bytes]:
    """notifications.broker.publisher, by way of the channel layer."""
    change = update_change("tasks", task, user, datetime.fromtimestamp(version, UTC))
    event = changes_event([change], time.time())
    return _layer_channel(f"{PREFIX}.{stream_of_user(user)}"), msgpack.packb(event)


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


def shared(users: Sequence[int], card: int, version: int) -> tuple[str, bytes]:
    """As cable, of a row that all these users may see."""
    change = update_change("cards", card, "", datetime.fromtimestamp(version, UTC))
    event = shared_event(change, users, time.time())
    return _layer_channel(f"{PREFIX}.cable.control"), msgpack.packb(event)


PUBLICATIONS: dict[str, Publication] = {
    "cable": cable,
    "textbook": textbook,
    "packaged": packaged,
    "plain": plain,
}

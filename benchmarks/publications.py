"""
The message that each server's publisher sends to Redis for one notification, byte for byte, and a parser of
these. Pure.

Publishing is not measured. It is therefore made cheap: load.py sends many messages at a time.
"""

import json
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import msgpack

from notifications.broker.events import changes_event, shared_event, stream_of_user
from notifications.wire.payloads import update_change

# CABLE_PREFIX of the measured servers: the publishers here do not read their settings.
PREFIX = "bench"

Publication = Callable[[int, int, int], tuple[str, bytes]]


def _payload(task: int, version: int) -> dict[str, object]:
    return {"action": "update#tasks", "id": task, "updatedAt": version}


def _in_json(payload: dict[str, object]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()


def _layer_channel(group: str) -> str:
    return f"asgi__group__{group}"


def cable(user: int, task: int, version: int) -> tuple[str, bytes]:
    """As notifications.broker.publisher, through the channel layer."""
    change = update_change("tasks", task, user, datetime.fromtimestamp(version, UTC))
    event = changes_event([change], time.time())
    return _layer_channel(f"{PREFIX}.{stream_of_user(user)}"), msgpack.packb(event)


def textbook(user: int, task: int, version: int) -> tuple[str, bytes]:
    """As channel_layer.group_send to a handler of a consumer."""
    event = {"type": "notify", "payload": _payload(task, version)}
    return _layer_channel(f"user.{user}"), msgpack.packb(event)


def packaged(user: int, task: int, version: int) -> tuple[str, bytes]:
    """As cable_broadcast of django-actioncable."""
    group = f"user.{user}"
    event = {"type": "action_cable_message", "group": group, "message": _payload(task, version)}
    return _layer_channel(group), msgpack.packb(event)


def plain(user: int, task: int, version: int) -> tuple[str, bytes]:
    """As ActionCable.server.broadcast of Rails, and as for the bare application (the floor)."""
    return f"user.{user}", _in_json(_payload(task, version))


def centrifugo(user: int, task: int, version: int) -> tuple[str, bytes]:
    """To the personal channel of a user, without history: a `Publication` of Centrifugo's client.proto."""
    data = _in_json(_payload(task, version))
    milliseconds = time.time_ns() // 1_000_000
    message = b"\x22" + _varint(len(data)) + data + b"\x48" + _varint(milliseconds)
    return f"centrifugo.client.#{user}", message


def _varint(number: int) -> bytes:
    """The varint encoding of Protocol Buffers."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def shared(users: Sequence[int], card: int, version: int) -> tuple[str, bytes]:
    """As cable(), for a row that all these users may see."""
    change = update_change("cards", card, "", datetime.fromtimestamp(version, UTC))
    event = shared_event(change, users, time.time())
    return _layer_channel(f"{PREFIX}.cable.control"), msgpack.packb(event)


PUBLICATIONS: dict[str, Publication] = {
    "cable": cable,
    "textbook": textbook,
    "packaged": packaged,
    "plain": plain,
    "centrifugo": centrifugo,
}

# For messages that are a MessagePack map: the key of the notification.
_PACKED = {"textbook": "payload", "packaged": "message"}
_IN_JSON = re.compile(rb'"id":(\d+).*?"updatedAt":(\d+)')


def row_and_version(publication: str, body: bytes) -> tuple[int, int] | None:
    """Of a notification; None for any other message."""
    if publication in _PACKED:
        told = msgpack.unpackb(body).get(_PACKED[publication], {})
        return (told["id"], told["updatedAt"]) if "updatedAt" in told else None
    found = _IN_JSON.search(body)
    return (int(found[1]), int(found[2])) if found else None

"""The frames of the cable as messages of AsyncAPI, except notifications, which are each project's own."""

from typing import Any

from ..wire import protocol
from .announced import INTEGER, Schema

IDENTIFIER = {"$ref": "#/components/schemas/identifier"}
_HISTORY = {"$ref": "#/components/schemas/history"}
_NAME: Schema = {"type": "string", "minLength": 1}

REASONS = [
    protocol.UNAUTHORIZED,
    protocol.TOKEN_EXPIRED,
    protocol.REMOTE,
    protocol.SERVER_RESTART,
    protocol.TOO_SLOW,
    protocol.LIMIT,
    protocol.UNAVAILABLE,
    None,
]


def message(summary: str, required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """A message from the server, which has no further keys."""
    return _message(summary, required, optional, additionalProperties=False)


def _message(
    summary: str, required: dict[str, Schema], optional: dict[str, Schema] | None = None, **more: Any
) -> Schema:
    payload = {"type": "object", "required": list(required), "properties": {**required, **(optional or {})}}
    return {"summary": summary, "payload": {**payload, **more}}


def _type(name: str) -> Schema:
    return {"const": name}


SERVER_FRAMES: dict[str, Schema] = {
    "welcome": message(
        "The first frame of an admitted socket; with a session id on the extended protocol.",
        {"type": _type("welcome")},
        {"sid": _NAME},
    ),
    "ping": message(
        "Sent at regular intervals.",
        {"type": _type("ping"), "message": {**INTEGER, "description": "Whole seconds since the epoch."}},
    ),
    "confirmSubscription": message(
        "The stream is joined. Nothing published after it is missed.",
        {"identifier": IDENTIFIER, "type": _type("confirm_subscription")},
    ),
    "rejectSubscription": message(
        "What the identifier asks for cannot be replayed; the client has to refetch.",
        {"identifier": IDENTIFIER, "type": _type("reject_subscription")},
    ),
    "notification": _message(
        "A row changed; with its position on the extended protocol.",
        {"identifier": IDENTIFIER, "message": {"$ref": "#/components/schemas/change"}},
        {"stream_id": _NAME, "epoch": _NAME, "offset": {**INTEGER, "minimum": 1}},
        additionalProperties=False,
        dependentRequired={
            "stream_id": ["epoch", "offset"],
            "epoch": ["stream_id", "offset"],
            "offset": ["stream_id", "epoch"],
        },
    ),
    "disconnect": message(
        "The last frame before the server closes the socket.",
        {"type": _type("disconnect"), "reason": {"enum": REASONS}, "reconnect": {"type": "boolean"}},
    ),
    "confirmHistory": message(
        "Everything that was asked for has been replayed.",
        {"type": _type("confirm_history"), "identifier": IDENTIFIER},
    ),
    "rejectHistory": message(
        "It cannot be replayed; the client has to refetch. The subscription lives on.",
        {"type": _type("reject_history"), "identifier": IDENTIFIER},
    ),
}
CLIENT_FRAMES: dict[str, Schema] = {
    "subscribe": _message(
        "Confirmed once; a repetition is ignored.",
        {"command": _type(protocol.SUBSCRIBE), "identifier": IDENTIFIER},
        {"history": _HISTORY},
    ),
    "unsubscribe": _message(
        "Never acknowledged.", {"command": _type(protocol.UNSUBSCRIBE), "identifier": IDENTIFIER}
    ),
    "history": _message(
        "A replay on an active subscription; extended protocol only.",
        {"command": _type(protocol.HISTORY), "identifier": IDENTIFIER, "history": _HISTORY},
    ),
}

POSITION: Schema = {
    "type": "object",
    "required": ["epoch", "offset"],
    "properties": {"epoch": {"type": "string"}, "offset": {**INTEGER, "minimum": 0}},
}
HISTORY: Schema = {
    "type": "object",
    "properties": {
        "since": {"type": "number", "exclusiveMinimum": 0},
        "position": {"type": "string", "maxLength": protocol.MAX_POSITION},
        "streams": {
            "type": "object",
            "maxProperties": protocol.MAX_STREAMS,
            "additionalProperties": POSITION,
        },
    },
}

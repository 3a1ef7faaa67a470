"""
The cable of an installation as an AsyncAPI 3 document: what settings.CABLE announces, the channels that it
names, and the credentials that its authenticator takes.

An authenticator may have `security_schemes`, a mapping of names to security scheme objects of AsyncAPI. One
that has none is not described.
"""

import json
from collections.abc import Mapping
from typing import Any

from ..conf import cable_settings
from ..handshake.admission import authenticator
from ..wire.payloads import DESTROY
from ..wire.protocol import BASE, CHANNEL, EXTENDED
from .announced import Announced, Schema, announced
from .frames import CLIENT_FRAMES, HISTORY, SERVER_FRAMES

_DESCRIPTION = (
    f"Tells each user's clients what changed, in the words of Rails' ActionCable (subprotocol {BASE}) and of "
    f"AnyCable's extension of it ({EXTENDED}). Every frame is a text frame with one JSON object."
)
_UNITS = {"s": "Whole seconds since the epoch.", "ms": "Milliseconds since the epoch."}


def asyncapi(*, title: str, version: str, host: str, path: str) -> str:
    """The document as JSON text. host: "" leaves the server out. Raises ImproperlyConfigured."""
    schemes = _security_schemes()
    components = {
        "securitySchemes": schemes,
        "messages": {**SERVER_FRAMES, **CLIENT_FRAMES},
        "schemas": {"identifier": _identifier(), "change": _change(list(announced())), "history": HISTORY},
    }
    document = {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version, "description": _DESCRIPTION},
        **({"servers": {"production": _server(host, schemes)}} if host else {}),
        "channels": {"cable": {"address": path, "messages": _references("components")}},
        "operations": {
            "tell": _operation("send", SERVER_FRAMES),
            "listen": _operation("receive", CLIENT_FRAMES),
        },
        "components": components,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _security_schemes() -> dict[str, Any]:
    return {name: dict(scheme) for name, scheme in getattr(authenticator(), "security_schemes", {}).items()}


def _server(host: str, schemes: Mapping[str, Any]) -> Schema:
    security = [{"$ref": f"#/components/securitySchemes/{name}"} for name in schemes]
    return {"host": host, "protocol": "wss", **({"security": security} if security else {})}


def _references(owner: str) -> Schema:
    return {name: {"$ref": f"#/{owner}/messages/{name}"} for name in (*SERVER_FRAMES, *CLIENT_FRAMES)}


def _operation(action: str, frames: Mapping[str, Schema]) -> Schema:
    """action: as the server sees it."""
    messages = [{"$ref": f"#/channels/cable/messages/{name}"} for name in frames]
    return {"action": action, "channel": {"$ref": "#/channels/cable"}, "messages": messages}


def _identifier() -> Schema:
    channels = ", ".join([CHANNEL, *cable_settings().channels])
    return {
        "type": "string",
        "minLength": 1,
        "maxLength": cable_settings().max_identifier_bytes,
        "description": (
            f"JSON as text, an object whose `channel` is one of: {channels}. It is echoed byte for byte. "
            "With `position`, or a whole number `since` (seconds since the epoch), what changed since then "
            "follows the confirm. `client` names a client, which is not told at once of its own changes."
        ),
    }


def _change(known: list[Announced]) -> Schema:
    return {"oneOf": [_announcement(each) for each in known]} if known else {"not": {}}


def _announcement(each: Announced) -> Schema:
    unit = _UNITS[cable_settings().updated_at_unit]
    time = {"updatedAt": {"type": "integer", "description": unit}} if each.has_time else {}
    properties = {"action": {"const": each.action}, "id": each.id, **time}
    gone = each.action.startswith(f"{DESTROY}#")
    return {
        "type": "object",
        **({"description": "The row is gone, for this user at least."} if gone else {}),
        "additionalProperties": each.has_further,
        "required": list(properties),
        "properties": properties,
    }

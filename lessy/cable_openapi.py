"""
The OpenAPI description of the cable's HTTP endpoints. These are not DRF views, and their errors have the
cable's format, not Lessy's.
"""

from typing import Any

from lessy.api.openapi import NUMBER, TEXT, Schema, record, ref
from notifications.handshake.refusals import METHOD, STATUS
from notifications.wire.event_stream import MEDIA_TYPE

POSITION = TEXT | {
    "description": "<epoch>-<microseconds since the epoch>, opaque to clients.",
    "examples": ["cZ1mO3sSPbYk-1515248100123456"],
}
POSITION_HEADER = {"Cable-Position": {"schema": POSITION, "description": "To ask with the next time."}}

COMPONENTS: dict[str, Schema] = {
    "Change": record(
        ["updatedAt"],
        action=TEXT | {"pattern": "^(create|update|destroy)#[a-z_]+$", "examples": ["update#tasks"]},
        id=NUMBER,
        updatedAt=NUMBER | {"description": "Seconds since the epoch."},
    ),
    "Changes": record(position=POSITION, changes={"type": "array", "items": ref("Change")}),
    "CableError": record(["position"], error=TEXT, position=POSITION),
}


def _in(where: str, name: str, schema: Schema, description: str) -> Schema:
    return {"in": where, "name": name, "schema": schema, "description": description}


_POSITION = _in("query", "position", POSITION, "Of the state that the client has; without one: from now on.")


def _answer(description: str, schema: Schema, media_type: str = "application/json", **more: Any) -> Schema:
    return {"description": description, "content": {media_type: {"schema": schema}}, **more}


def _error(*codes: str, **more: Any) -> Schema:
    named = {"allOf": [ref("CableError"), {"type": "object", "properties": {"error": {"enum": list(codes)}}}]}
    return _answer(", ".join(f"`{code}`" for code in codes), named, **more)


_REFUSALS = {
    status: _error(*(code for code, found in STATUS.items() if found == status))
    for status in sorted(set(STATUS.values()))
}
_RETRY_AFTER = {"Retry-After": {"schema": NUMBER, "description": "Seconds."}}
_SECURITY: list[Schema] = [{"token": []}]

CHANGES: Schema = {
    "operationId": "cable_changes",
    "summary": "What changed since a position",
    "tags": ["cable"],
    "security": _SECURITY,
    "parameters": [
        _POSITION,
        _in("header", "If-None-Match", TEXT, "The ETag of an answer: 304 if there is nothing new."),
    ],
    "responses": {
        "200": _answer("Oldest first", ref("Changes"), headers=POSITION_HEADER),
        "204": {"description": "Nothing changed", "headers": POSITION_HEADER},
        "304": {"description": "Nothing but what the ETag stands for", "headers": POSITION_HEADER},
        "401": _error("unauthorized", "token_expired"),
        "403": _error("origin"),
        "409": _error("refetch", headers=POSITION_HEADER),
        "429": _error("too_many_requests", headers=_RETRY_AFTER),
        "503": _error("unavailable"),
    },
}
EVENTS: Schema = {
    "operationId": "cable_events",
    "summary": "What changes, as Server-Sent Events",
    "description": "The data of each event without a name is a Change. `refetch` says that the state has to "
    "be loaded again, `disconnect` that the server ends the stream.",
    "tags": ["cable"],
    "security": _SECURITY,
    "parameters": [
        _POSITION,
        _in("header", "Last-Event-ID", POSITION, "In place of the position, when a client comes back."),
        _in("query", "client", TEXT, "Its own changes, made with this X-Cable-Client, are not told."),
    ],
    "responses": {
        "200": _answer("The stream", TEXT, MEDIA_TYPE),
        **{str(status): refusal for status, refusal in _REFUSALS.items() if status != STATUS[METHOD]},
    },
}
PATHS: Schema = {"/cable/changes": {"get": CHANGES}, "/cable/events": {"get": EVENTS}}

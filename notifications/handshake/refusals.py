"""
How a handshake is refused, before there is a connection of the hub.

A browser retries a websocket that was refused by an HTTP status, and never retries an EventSource that was.
So a websocket is refused by a status when its client should come back, and a stream only when it should not.
A stream whose client should come back is answered with 200, the event `disconnect` and its end.
"""

import json
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ..wire import event_stream, protocol
from . import cross_origin

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]

METHOD = "method_not_allowed"
URI_TOO_LONG = "uri_too_long"
ORIGIN = "origin"
HOST = "host"
NO_TENANT = "no_tenant"
# Limits of an address.
HANDSHAKES = "handshakes_per_second"
SOCKETS = "sockets_per_address"

# For these reasons it does not help the client to come back.
STATUS = {
    protocol.UNAUTHORIZED: 401,
    protocol.TOKEN_EXPIRED: 401,
    ORIGIN: 403,
    HOST: 403,
    NO_TENANT: 403,
    METHOD: 405,
    URI_TOO_LONG: 414,
    protocol.LIMIT: 429,
}


async def refuse(scope: Mapping[str, Any], send: Send, reason: str) -> None:
    """A websocket is refused with the status 403, which is what a close before its accept means."""
    if scope.get("type") != "http":
        await send({"type": "websocket.close"})
        return
    for message in answer(reason, headers_for(scope)):
        await send(message)


def answer(reason: str | None, headers: Mapping[str, str]) -> tuple[Message, Message]:
    """
    The start and the body of the answer to a request for a stream. reason: why it is refused; None: it is
    not, and the stream follows.
    """
    if reason in STATUS:
        body = json.dumps({"error": reason}).encode()
        more = {"Content-Type": "application/json", "Content-Length": str(len(body))}
        if reason == METHOD:
            more["Allow"] = "GET"
        return _start(STATUS[reason], {**headers, **more}), _body(body)
    start = _start(200, {**headers, "Content-Type": event_stream.MEDIA_TYPE, "X-Accel-Buffering": "no"})
    if reason is None:
        return start, _body(b"")
    return start, _body(_come_back(reason).encode())


def _come_back(reason: str) -> str:
    """
    A client that is refused for a limit of its address does not get the limit's name, as on a websocket. The
    log has it.
    """
    is_limit = reason in (HANDSHAKES, SOCKETS)
    delay = random.randint(*(event_stream.LONG_RETRY if is_limit else event_stream.RETRY))  # noqa: S311
    return event_stream.disconnect(protocol.LIMIT if is_limit else reason, reconnect=True, retry=delay)


def headers_for(scope: Mapping[str, Any]) -> dict[str, str]:
    """The headers of every answer to this request."""
    named = headers_of(scope)
    return {"Cache-Control": "no-store", **cross_origin.answer_headers(named, scope.get("scheme", ""))}


def headers_of(scope: Mapping[str, Any]) -> dict[bytes, str]:
    """Repeated ones are joined, as Django does: what its CSRF check refuses must not be admitted here."""
    headers: dict[bytes, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _start(status: int, headers: Mapping[str, str]) -> Message:
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": encoded}


def _body(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body}

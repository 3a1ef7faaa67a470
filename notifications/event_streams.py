"""
GET /cable/events: the notifications as Server-Sent Events. An ASGI application beside CableConsumer, whose
connections are the hub's as well.

    GET …?position=<epoch>-<microseconds>&client=<name>

With a position the stream begins with what changed since. The header Last-Event-ID, which an EventSource
sends when it reconnects, takes precedence. client: see middleware.py. wire/event_stream.py has the events,
handshake/refusals.py the refusals.
"""

import logging
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any
from urllib.parse import parse_qsl

from django.db import DatabaseError

from .ground.database import DatabaseUnavailable
from .ground.echo import name_of
from .ground.limits import seldom
from .ground.metrics import metrics
from .handshake.refusals import METHOD, NO_TENANT, URI_TOO_LONG, answer, headers_for, headers_of, refuse
from .hub.current import current_hub
from .hub.door import Denied, let_in
from .hub.event_stream import EventStream
from .hub.hub import Hub
from .wire import protocol
from .wire.framing import direct_write_of
from .wire.protocol import Command

logger = logging.getLogger(__name__)

LAST_EVENT_ID = b"last-event-id"
# A longer query is not read.
MAX_QUERY_BYTES = 16 * 1024
MAX_QUERY_FIELDS = 100


async def event_stream(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """From the request to the end of the stream, whichever side ends it."""
    if scope["method"] != "GET":
        await _answer_other_method(scope, send)
        return
    try:
        command = _command_of(scope)
    except ValueError:
        await refuse(scope, send, URI_TOO_LONG)
        return
    try:
        hub = current_hub()
    except Exception as exc:
        metrics.count("handshakes:no_tenant")
        logger.error("refused a handshake of no tenant: %s: %s", type(exc).__name__, exc)
        await refuse(scope, send, NO_TENANT)
        return
    try:
        admission = await let_in(hub, scope)
    except Denied as denied:
        await refuse(scope, send, denied.reason)
        return
    stream = hub.open_stream(
        send,
        admission,
        partial(answer, headers=headers_for(scope)),
        resumes=command.history is not None,
        direct=direct_write_of(scope),
    )
    try:
        await _subscribe(hub, stream, command)
        del command
        while (message := await receive())["type"] != "http.disconnect":
            pass
        stream.end(message.get("reason", "client"))
    finally:
        stream.end("client")


async def _subscribe(hub: Hub, stream: EventStream, command: Command) -> None:
    if not stream.is_open:
        return
    try:
        await hub.handle(stream, command)
    except Exception as exc:
        metrics.count("failed_commands")
        stream.close(protocol.UNAVAILABLE, reconnect=True)
        expected = isinstance(exc, DatabaseError | DatabaseUnavailable)
        if (also := seldom.left_out(f"failed stream: {expected}")) is not None:
            what = f"{type(exc).__name__}: {exc}"
            trace = None if expected else exc
            logger.error("a stream of user %s failed: %s%s", stream.user_id, what, also, exc_info=trace)


async def _answer_other_method(scope: Mapping[str, Any], send: Any) -> None:
    headers = headers_of(scope)
    if scope["method"] != "OPTIONS" or b"access-control-request-method" not in headers:
        await refuse(scope, send, METHOD)
        return
    more = {
        **headers_for(scope),
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Headers": "Authorization, Last-Event-ID",
    }
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in more.items()]
    await send({"type": "http.response.start", "status": 204, "headers": encoded})
    await send({"type": "http.response.body", "body": b""})


# The request


def _command_of(scope: Mapping[str, Any]) -> Command:
    """Raises ValueError for a query that is too long."""
    query = _query_of(scope["query_string"])
    position = _last_event_id(scope) or query.get("position")
    history = None if position is None else {"position": position}
    return Command(protocol.SUBSCRIBE, _identifier(name_of(query.get("client"))), history)


def _query_of(query: bytes) -> dict[str, str]:
    """The last of several values of one name counts, as in Django."""
    if len(query) > MAX_QUERY_BYTES:
        raise ValueError("the query is too long")
    text = query.decode("latin-1")
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS))


def _last_event_id(scope: Mapping[str, Any]) -> str:
    """An EventSource without one does not send the header; other clients may send an empty one."""
    return headers_of(scope).get(LAST_EVENT_ID, "")


@lru_cache(maxsize=256)
def _identifier(client: str) -> str:
    """Cached, because the text stays with the subscription: one for all streams."""
    return protocol.encode({"channel": protocol.CHANNEL, **({"client": client} if client else {})})

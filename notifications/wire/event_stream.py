"""
Server-Sent Events on the wire (WHATWG HTML, 9.2), as /cable/events sends them. Pure: no I/O, no clock.

    retry: 2750                                 when to come back after an end, in milliseconds
    id: cZ1mO3sSPbYk-1515248100123456           the position to go on from, which `Last-Event-ID` brings back

    id: cZ1mO3sSPbYk-1515248160000000           a notification
    data: {"action":"update#tasks","id":23,"updatedAt":1515248100}

    : ping                                      the heartbeat, a comment
    id: cZ1mO3sSPbYk-1515248163000000           an id without data moves the position and is no event

    event: refetch                              no replay is possible: load the state again
    data: {"reason":"position"}

    event: disconnect                           the last event of a stream that the server ends
    data: {"reason":"server_restart","reconnect":true}

An empty line ends each of them.
"""

from functools import lru_cache
from typing import Final

from .protocol import encode

MEDIA_TYPE: Final = "text/event-stream"

# Reasons of a refetch.
POSITION: Final = "position"
REPLAY_LIMIT: Final = "replay_limit"

# A heartbeat while the client may lack something: its position stays as it is.
BARE_PING: Final = ": ping\n\n"

# Milliseconds, from and to, after which clients reconnect. Spreads all clients of a process that ends.
RETRY: Final = (1_000, 5_000)
# For clients refused by the limit of their address: an EventSource has no exponential backoff of its own.
LONG_RETRY: Final = (5_000, 15_000)


def opening(position: str | None, retry: int) -> str:
    """
    The beginning of a stream. position: None if the client sent one, and gets what it missed since.
    retry: in milliseconds.
    """
    return f"retry: {retry}\n\n" if position is None else f"retry: {retry}\nid: {position}\n\n"


def notification(position: str, payload: str) -> str:
    """payload: JSON text, which has no line break."""
    return f"id: {position}\ndata: {payload}\n\n"


def ping(position: str) -> str:
    """position: until when the client certainly has everything."""
    return f": ping\nid: {position}\n\n"


def refetch(position: str, reason: str) -> str:
    """position: from where to go on, once the state is loaded again."""
    return f"id: {position}\nevent: refetch\ndata: {encode({'reason': reason})}\n\n"


def disconnect(reason: str | None, *, reconnect: bool, retry: int) -> str:
    """As the disconnect frame of a websocket. retry: in milliseconds."""
    data = encode({"reason": reason, "reconnect": reconnect})
    return f"retry: {retry}\nevent: disconnect\ndata: {data}\n\n"


@lru_cache(maxsize=256)
def as_bytes(text: str) -> bytes:
    """Cached: pings are the same for all streams of a turn."""
    return text.encode()

"""
ActionCable on the wire: words, frames, commands, identifiers. Pure: no I/O, no Django, no clock.

Two subprotocols: base (`actioncable-v1-json`, what Rails speaks) and extended (`actioncable-v1-ext-json`,
AnyCable's, which adds positions and history). Every wire string of the cable stands here once.

    ProtocolError            a client sent something that gets no answer
     ├── MalformedFrame      not JSON, not an object, a key of the wrong type
     ├── UnknownCommand      a command that this subprotocol does not have
     └── UnknownChannel      an identifier that names no channel of ours
"""

import json
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from .positions import MICROSECONDS

BASE = "actioncable-v1-json"
EXTENDED = "actioncable-v1-ext-json"
UNSUPPORTED = "actioncable-unsupported"
SUBPROTOCOLS = frozenset({BASE, EXTENDED, UNSUPPORTED})

CHANNEL = "NotificationsChannel"

# Reasons of a disconnect frame.
UNAUTHORIZED = "unauthorized"
# On the extended protocol: AnyCable's client fetches a new token for this reason only.
TOKEN_EXPIRED = "token_expired"  # noqa: S105
SERVER_RESTART = "server_restart"
REMOTE = "remote"
TOO_SLOW = "too_slow"
UNAVAILABLE = "unavailable"
LIMIT = "limit_exceeded"

SUBSCRIBE = "subscribe"
UNSUBSCRIBE = "unsubscribe"
MESSAGE = "message"
HISTORY = "history"
PONG = "pong"

_ADDRESSED = frozenset({SUBSCRIBE, UNSUBSCRIBE, MESSAGE})
_EXTENDED_ONLY = frozenset({PONG, "ping", "whisper", "join", "leave", "presence"})

# A resume from more streams than a client of ours can hold is malformed, and answered as such.
MAX_STREAMS = 100


class ProtocolError(Exception):
    """The base of what a client can get wrong in a frame."""


class MalformedFrame(ProtocolError):
    pass


class UnknownCommand(ProtocolError):
    pass


class UnknownChannel(ProtocolError):
    pass


@dataclass(frozen=True, slots=True)
class Command:
    """identifier is the client's string, untouched ("" for a command without one); history is raw JSON."""

    name: str
    identifier: str = ""
    history: Any = None


@dataclass(frozen=True, slots=True)
class Identifier:
    """
    request: what to replay; None if it asks for nothing. client: the name that the client's own changes
    carry, which it is not notified of; "" if it has none.
    """

    channel: str
    request: "HistoryRequest | None" = None
    client: str = ""


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """
    What a client of the extended protocol wants replayed: from its position, else since a time, else nothing.

    malformed: its position for our stream cannot be read.
    """

    epoch: str | None = None
    offset: int | None = None
    since: float | None = None
    malformed: bool = False

    @property
    def position(self) -> float | None:
        """In microseconds since the epoch; None if there is nothing to replay. It may be any number."""
        if self.offset is not None:
            return self.offset
        return None if self.since is None else self.since * MICROSECONDS


# Handshake


def select_subprotocol(offered: Sequence[str]) -> str | None:
    """The client's first offer that we speak; None (no header in the answer) if there is none."""
    return next((name for name in offered if name in SUBPROTOCOLS), None)


# JSON


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


# loads() would make a decoder for each frame.
_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode


def decode(text: str) -> Any:
    """Raises MalformedFrame for whatever is not JSON, NaN and over-deep nesting included."""
    try:
        return _decode(text)
    except (ValueError, RecursionError) as exc:
        raise MalformedFrame(f"not JSON: {type(exc).__name__}") from exc


# Characters of a position: an epoch and a number of microseconds.
MAX_POSITION = 64
_DIGITS = re.compile("[0-9]{1,18}")

# As Rails writes JSON: raw UTF-8, but nothing that could end a script element or a line of JavaScript.
_ESCAPED = re.compile("[<>&\u2028\u2029\ud800-\udfff]")


def encode(value: Any) -> str:
    """Compact JSON, byte for byte as Rails writes it. Lone surrogates are escaped, since UTF-8 has none."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


# Frames to the client


def welcome(sid: str | None = None) -> str:
    return encode({"type": "welcome"} if sid is None else {"type": "welcome", "sid": sid})


def ping(at: int) -> str:
    """at: whole seconds since the epoch."""
    return f'{{"type":"ping","message":{at}}}'


def confirm_subscription(identifier: str) -> str:
    return encode({"identifier": identifier, "type": "confirm_subscription"})


def reject_subscription(identifier: str) -> str:
    return encode({"identifier": identifier, "type": "reject_subscription"})


def confirm_history(identifier: str) -> str:
    return encode({"type": "confirm_history", "identifier": identifier})


def reject_history(identifier: str) -> str:
    return encode({"type": "reject_history", "identifier": identifier})


def disconnect(reason: str | None, *, reconnect: bool) -> str:
    return encode({"type": "disconnect", "reason": reason, "reconnect": reconnect})


# Nearly all sockets use the same few identifiers. A long one is not cached: clients could fill our memory
# with them.
CACHED_IDENTIFIER = 256


def message_head(identifier: str) -> str:
    """How a data frame of this subscription begins."""
    return _cached_head(identifier) if len(identifier) <= CACHED_IDENTIFIER else _head(identifier)


def _head(identifier: str) -> str:
    return f'{{"identifier":{encode(identifier)},"message":'


_cached_head = lru_cache(maxsize=1024)(_head)


def message(head: str, payload: str) -> str:
    """A base data frame. payload: JSON text."""
    return f"{head}{payload}}}"


def positioned_message(head: str, payload: str, stream: str, offset: int) -> str:
    """An extended data frame. stream: what position_of() made of stream and epoch."""
    return f"{head}{payload}{stream}{offset}}}"


def position_of(stream_id: str, epoch: str) -> str:
    """The part of an extended data frame between payload and offset, the same for all frames of a stream."""
    return f',"stream_id":{encode(stream_id)},"epoch":{encode(epoch)},"offset":'


# Commands from the client


def parse_command(text: str, *, extended: bool) -> Command:
    """
    Raises MalformedFrame or UnknownCommand, and nothing else, whatever the text.

    The identifier is checked to be a non-empty string, no more: parse_identifier() reads it, once it is
    known not to be a repeated subscribe, which must cost next to nothing.
    """
    frame = decode(text)
    if not isinstance(frame, dict):
        raise MalformedFrame("not an object")
    name = frame.get("command")
    if not isinstance(name, str):
        raise MalformedFrame("no command")
    if extended and name in _EXTENDED_ONLY:
        return Command(name)
    if name not in _ADDRESSED and not (extended and name == HISTORY):
        raise UnknownCommand(name[:64])
    identifier = frame.get("identifier")
    if not isinstance(identifier, str) or not identifier:
        raise MalformedFrame(f"{name} without identifier")
    return Command(name, identifier, frame.get("history") if extended else None)


def parse_identifier(identifier: str, channels: Container[str] = ()) -> Identifier:
    """channels: names besides CHANNEL. Raises MalformedFrame or UnknownChannel."""
    params = decode(identifier)
    if not isinstance(params, dict):
        raise MalformedFrame("identifier is not an object")
    channel = params.get("channel")
    if not isinstance(channel, str):
        raise MalformedFrame("identifier without channel")
    if channel != CHANNEL and channel not in channels:
        raise UnknownChannel(channel[:64])
    client = params.get("client")
    return Identifier(channel, _request_of(params), client if isinstance(client, str) else "")


def _request_of(params: dict[str, Any]) -> HistoryRequest | None:
    """With a position, `since` is ignored."""
    if "position" in params:
        return parse_position(params["position"])
    since = params.get("since")
    if isinstance(since, bool) or not isinstance(since, int) or since < 0:
        return None
    return HistoryRequest(since=since)


def position_text(epoch: str, position: int) -> str:
    """As a client sends it back. position: in microseconds since the epoch."""
    return f"{epoch}-{position}"


def parse_position(text: object) -> HistoryRequest:
    """What position_text() made; anything else is a malformed request, and not read if it is too long."""
    if isinstance(text, str) and len(text) <= MAX_POSITION:
        epoch, dash, number = text.rpartition("-")
        if dash and epoch and _DIGITS.fullmatch(number):
            return HistoryRequest(epoch=epoch, offset=int(number))
    return HistoryRequest(malformed=True)


def parse_history(history: Any, stream_id: str) -> HistoryRequest | None:
    """
    The part of a `history` value that concerns our stream; None if it asks for nothing, which gets no answer.

    Entries for other streams are ignored. An entry for ours is used first, then `position`, then `since`.
    """
    if not isinstance(history, dict):
        return None
    streams = history.get("streams", {})
    if isinstance(streams, dict) and len(streams) > MAX_STREAMS:
        return HistoryRequest(malformed=True)
    if isinstance(streams, dict) and stream_id in streams:
        return _parse_position(streams[stream_id])
    if "position" in history:
        return parse_position(history["position"])
    since = _positive(history.get("since"))
    named = isinstance(history.get("streams"), dict)
    return HistoryRequest(since=since) if named or since is not None else None


def _positive(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if value > 0 else None


def _parse_position(position: Any) -> HistoryRequest:
    if not isinstance(position, dict):
        return HistoryRequest(malformed=True)
    epoch, offset = position.get("epoch"), position.get("offset")
    if isinstance(epoch, str) and isinstance(offset, int) and not isinstance(offset, bool) and offset >= 0:
        return HistoryRequest(epoch=epoch, offset=offset)
    return HistoryRequest(malformed=True)

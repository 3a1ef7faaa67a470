"""
The frames of one connection, on the extended protocol. Pure: no I/O, no clock.

receive() takes a text and returns what to yield; what to send is in `outbox`. A position is the server's,
"<epoch>-<microseconds>"; without an epoch, "-<microseconds>", it is the time of a ping.
"""

from typing import Any

from ..wire import protocol
from ..wire.positions import MICROSECONDS
from .told import Change, Disconnected, Id, Refetch, Refused, Told

START = "start"
HISTORY = "history"

_OWN_KEYS = {"action", "id", "updatedAt"}


class Conversation:
    """position: where it begins; later, up to where everything was received."""

    def __init__(self, identifier: str, position: str | None) -> None:
        self.position = position
        self.outbox: list[str] = []
        # Whether changes arrive as they happen.
        self.is_live = False
        self._identifier = identifier
        self._begins_at = position

    def receive(self, text: str | bytes) -> list[Told]:
        """
        Raises Refused and Disconnected as the server asks; Disconnected also if the text is not a cable's.
        """
        try:
            return self._read(_frame_of(text))
        except (KeyError, TypeError, AttributeError) as exc:
            raise Disconnected(f"this is no cable: it says {text[:80]!r}") from exc

    def _read(self, frame: dict[str, Any]) -> list[Told]:
        kind = frame.get("type")
        if kind is None and "message" in frame:
            return [self._change(frame)]
        if kind == "welcome":
            self._subscribe()
        elif kind == "ping" and self.is_live:
            self._advance("", frame["message"] * MICROSECONDS)
        elif kind == "disconnect":
            reason = frame.get("reason")
            raise (
                Disconnected(f"the server disconnects: {reason}")
                if frame.get("reconnect")
                else Refused(reason)
            )
        elif kind == "reject_subscription":
            raise Refused(kind)
        return self._answer(kind)

    def _subscribe(self) -> None:
        command: dict[str, Any] = {"command": protocol.SUBSCRIBE, "identifier": self._identifier}
        if self._begins_at:
            command["history"] = _history(self._begins_at)
        self.outbox.append(protocol.encode(command))

    def _answer(self, kind: str | None) -> list[Told]:
        if kind == "confirm_subscription" and not self._begins_at:
            self.is_live = True
            return [Refetch(START, None)]
        if kind == "confirm_history":
            self.is_live = True
        elif kind == "reject_history":
            self.is_live = True
            # The server does not accept this position. The next one is valid.
            self.position = None
            return [Refetch(HISTORY, None)]
        return []

    def _change(self, frame: dict[str, Any]) -> Change:
        if isinstance(epoch := frame.get("epoch"), str):
            self._advance(epoch, frame["offset"])
        message = frame["message"]
        further = {key: value for key, value in message.items() if key not in _OWN_KEYS}
        return Change(message["action"], _id(message["id"]), message.get("updatedAt"), self.position, further)

    def _advance(self, epoch: str, offset: int) -> None:
        """epoch: "" for a time only, which moves a position of any epoch."""
        known, _, at = (self.position or "-0").rpartition("-")
        if epoch and epoch != known:
            self.position = protocol.position_text(epoch, offset)
        elif offset > int(at):
            self.position = protocol.position_text(known, offset)


def identifier_of(channel: str, client: str) -> str:
    return protocol.encode({"channel": channel, **({"client": client} if client else {})})


def is_position(text: str) -> bool:
    """Whether it is like a position of a server, or the time of a ping."""
    if len(text) > protocol.MAX_POSITION:
        return False
    _, dash, at = text.rpartition("-")
    return bool(dash) and at.isascii() and at.isdecimal()


def _history(position: str) -> dict[str, Any]:
    epoch, _, at = position.rpartition("-")
    return {"position": position} if epoch else {"since": int(at) // MICROSECONDS, "streams": {}}


def _frame_of(text: str | bytes) -> dict[str, Any]:
    """Raises TypeError."""
    try:
        frame = protocol.decode(text) if isinstance(text, str) else None
    except protocol.MalformedFrame as exc:
        raise TypeError(str(exc)) from exc
    if not isinstance(frame, dict):
        raise TypeError("not an object")
    return frame


def _id(value: Any) -> Id:
    return tuple(value) if isinstance(value, list) else value

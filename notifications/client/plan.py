"""What both clients have in common: the URL, the credentials and the time-outs. No I/O."""

import random
from dataclasses import dataclass, field
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from websockets.typing import Subprotocol

from ..wire import protocol
from .conversation import Conversation, identifier_of, is_position

# Seconds. The server sends a ping every 3 s, unless it is set otherwise.
SILENCE = 10.0
SHORTEST_WAIT = 1.0
LONGEST_WAIT = 30.0
# A connection that lasted this long resets the backoff.
GOOD_AFTER = 10.0


class Options(TypedDict, total=False):
    """See Cable."""

    token: str | None
    headers: dict[str, str]
    position: str | None
    channel: str
    client: str
    reconnect: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Raises ValueError for what no server accepts."""

    url: str
    token: str | None = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    position: str | None = None
    channel: str = protocol.CHANNEL
    client: str = ""
    reconnect: bool = True

    def __post_init__(self) -> None:
        if not _is_websocket(self.url):
            raise ValueError(f"{self.url!r} is not a URL such as ws://127.0.0.1:8000/cable")
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise ValueError("a token is one line of ASCII")
        if self.position is not None and not is_position(self.position):
            raise ValueError(f"{self.position!r:.80} is not a position such as cZ1mO3sSPbYk-1515248100123456")

    def handshake(self) -> dict[str, Any]:
        """For connect() of websockets."""
        token = {"Authorization": self.token} if self.token else {}
        subprotocols = [Subprotocol(protocol.EXTENDED)]
        return {
            "additional_headers": {**self.headers, **token},
            "subprotocols": subprotocols,
            "open_timeout": SILENCE,
        }

    def conversation(self, position: str | None) -> Conversation:
        return Conversation(identifier_of(self.channel, self.client), position)


def planned(url: str, **options: Unpack[Options]) -> Plan:
    return Plan(url, **options)


def _is_websocket(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("ws", "wss") and bool(parts.hostname)


class Backoff:
    """Exponential, with jitter: clients that were disconnected together do not reconnect together."""

    def __init__(self) -> None:
        self._failures = 0

    def after(self, lived: float) -> float:
        """How long to wait. lived: how long the connection lasted; both in seconds."""
        if lived >= GOOD_AFTER:
            self._failures = 0
        longest = min(LONGEST_WAIT, SHORTEST_WAIT * 2.0**self._failures)
        self._failures += 1
        return longest * random.uniform(0.5, 1)  # noqa: S311 spreads, hides nothing

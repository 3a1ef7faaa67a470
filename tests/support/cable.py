"""A WebSocket client that speaks ActionCable and shows every frame unprocessed."""

import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

BASE = ("actioncable-v1-json", "actioncable-unsupported")
EXTENDED = ("actioncable-v1-ext-json",)

ABNORMAL = 1006

I = '{"channel":"NotificationsChannel"}'  # noqa: E741 the name that the protocol's cases use
SPACED = '{"channel": "NotificationsChannel"}'


def confirmed(identifier: str = I) -> dict[str, Any]:
    return {"identifier": identifier, "type": "confirm_subscription"}


class CableSocket:
    """texts: every frame received so far, pings included, as text."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        subprotocols: Sequence[str] = BASE,
        headers: Mapping[str, str] | None = None,
        origin: str | None = None,
        query: str = "",
        welcomed: bool = True,
    ) -> None:
        sent = dict(headers or {})
        if token is not None:
            sent.setdefault("Cookie", f"Authorization={token}")
        self._open = ExitStack()
        self.socket = self._open.enter_context(self._connect(url + query, sent, origin, subprotocols))
        self.texts: list[str] = []
        if welcomed:
            self.welcome = self.frame()
            assert self.welcome["type"] == "welcome"

    @staticmethod
    def _connect(
        url: str, headers: Mapping[str, str], origin: str | None, subprotocols: Sequence[str]
    ) -> Any:
        return connect(
            url,
            additional_headers=headers,
            origin=origin,
            subprotocols=list(subprotocols) or None,
            compression=None,
            ping_interval=None,
            open_timeout=30,
            close_timeout=2,
            max_size=None,
            proxy=None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    @property
    def subprotocol(self) -> str | None:
        return self.socket.subprotocol

    # Receiving

    def text(self, seconds: float = 20) -> str:
        """The next frame, pings included. Raises TimeoutError or ConnectionClosed."""
        text = str(self.socket.recv(timeout=seconds))
        self.texts.append(text)
        return text

    def frame(self, seconds: float = 20) -> dict[str, Any]:
        """The next frame that is not a ping. Pings do not extend the deadline."""
        deadline = time.monotonic() + seconds
        while True:
            found: dict[str, Any] = json.loads(self.text(max(0, deadline - time.monotonic())))
            if found.get("type") != "ping":
                return found

    def message(self, seconds: float = 20) -> Any:
        """The payload of the next frame, which must be a data frame."""
        found = self.frame(seconds)
        assert "message" in found, found
        return found["message"]

    def until(self, type_: str) -> list[dict[str, Any]]:
        """The frames before the next one of this type."""
        found = []
        while (frame := self.frame()).get("type") != type_:
            found.append(frame)
        return found

    def close_code(self, seconds: float = 10) -> int:
        """The next frame, except pings, must be the close. Returns its code."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                text = self.text(max(0, deadline - time.monotonic()))
                assert '"ping"' in text, text
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else ABNORMAL

    # Sending

    def send(self, **frame: Any) -> None:
        self.socket.send(json.dumps(frame))

    def command(self, name: str, identifier: Any = I, **more: Any) -> None:
        self.send(command=name, identifier=identifier, **more)

    def subscribe(self, identifier: str = I, **more: Any) -> None:
        """Subscribes, and waits for the confirmation."""
        self.command("subscribe", identifier, **more)
        assert self.frame() == confirmed(identifier)

    def assert_nothing_came(self) -> None:
        """
        Commands are processed in order: if the next frame confirms a subscribe that is sent now, the server
        has sent nothing in response to earlier commands, and the socket still works. A change that follows at
        once may still be delivered to that subscription: nothing answers the unsubscribe.
        """
        fresh = json.dumps({"channel": "NotificationsChannel", "probe": len(self.texts), "of": id(self)})
        self.command("subscribe", fresh)
        assert self.frame() == confirmed(fresh)
        self.command("unsubscribe", fresh)

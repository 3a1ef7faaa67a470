"""The synchronous client."""

import threading
import time
from collections.abc import Iterator
from typing import Self, Unpack

from websockets.sync.client import ClientConnection

from .failures import FAILURES, told
from .plan import SILENCE, Backoff, Options, planned
from .told import Disconnected, Told
from .websocket import connect


class Cable:
    """
    Everything that a user is notified of, one Change or Refetch after another. It connects when it is
    iterated over, and reconnects by itself.

    url: ws:// or wss://. token: for the header Authorization; headers: further ones, a cookie for example.
    position: where to begin, a Cable-Position or that of an earlier Change; without it, Refetch("start")
    comes first.
    channel: see CABLE["CHANNELS"]. client: a name; changes made under it are not sent at once.
    reconnect: with False, a lost connection raises Disconnected.

    Iterating raises Refused when the server tells the client not to reconnect. Raises ValueError for a URL,
    token or position that no server accepts.
    """

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        self._plan = planned(url, **options)
        # Up to here the code that iterates has received everything.
        self.position: str | None = self._plan.position
        self._closed = threading.Event()
        self._socket: ClientConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the iteration, from any thread."""
        self._closed.set()
        if self._socket is not None:
            self._socket.close()

    def __iter__(self) -> Iterator[Told]:
        backoff = Backoff()
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                yield from self._connection()
            except (Disconnected, *FAILURES) as exc:
                if self._closed.is_set():
                    return
                if not self._plan.reconnect:
                    raise told(exc, self._plan.url) from exc
                self._closed.wait(backoff.after(time.monotonic() - began))

    def _connection(self) -> Iterator[Told]:
        conversation = self._plan.conversation(self.position)
        with connect(self._plan.url, **self._plan.handshake()) as socket:
            self._socket = socket
            while not self._closed.is_set():
                found = conversation.receive(socket.recv(timeout=SILENCE))
                for text in conversation.outbox:
                    socket.send(text)
                conversation.outbox.clear()
                yield from found
                self.position = conversation.position

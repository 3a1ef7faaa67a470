"""
Clients as real ones behave: they subscribe, remember what they heard, notice a dead socket, come back
elsewhere, and ask for what they missed as far as their kind can.
"""

import asyncio
import json
import random
import socket
import time
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.support.cable import BASE, EXTENDED
from tests.support.site import Person

Row = tuple[str, int]
# Without a ping for so long a socket counts as dead, as in every ActionCable client.
STALE_SECONDS = 6.5
RETRY_SECONDS = (0.2, 1.5)


class Client:
    """
    known: the version of each row it was told of, in whole seconds (0: created). live: subscribed and, if it
    asked for what it missed, answered. complaints: what no server may do. ended: why its last sockets ended.
    url: called for each attempt.
    """

    protocols = BASE
    # Of the kernel, in bytes; None: as it likes. On loopback it would hold megabytes.
    receive_buffer: int | None = None

    def __init__(self, person: Person, address: str, url: Callable[[], str]) -> None:
        self.person = person
        self.known: dict[Row, int] = {}
        self.live = asyncio.Event()
        self.connected = 0
        self.complaints: list[str] = []
        self.ended: deque[str] = deque(maxlen=3)
        self._address = address
        self._url = url
        self._socket: ClientConnection | None = None
        self._heard: dict[Row, int] = {}
        self._not_before = 0.0

    async def run(self) -> None:
        while True:
            try:
                await self._live_once()
            except (OSError, ConnectionClosed, InvalidHandshake, TimeoutError, EOFError) as exc:
                self.ended.append(repr(exc))
            self.live.clear()
            self._socket = None
            await asyncio.sleep(max(random.uniform(*RETRY_SECONDS), self._not_before - time.monotonic()))

    def stay_away(self, seconds: float) -> None:
        """When the socket is gone, there is no other for so long."""
        self._not_before = time.monotonic() + seconds

    @property
    def local(self) -> Any:
        """The address and port of this end of the socket."""
        return None if self._socket is None else self._socket.local_address

    @property
    def port(self) -> int | None:
        """Of the server at the other end of the socket."""
        socket = self._socket
        return None if socket is None else socket.remote_address[1]

    async def _live_once(self) -> None:
        async with connect(
            self._url(),
            additional_headers={"Cookie": f"Authorization={self.person.token}"},
            subprotocols=list(self.protocols),
            **await self._way_there(),
            compression=None,
            ping_interval=None,
            close_timeout=0.5,
            proxy=None,
        ) as self._socket:
            self._heard.clear()
            self.connected += 1
            await self._socket.send(json.dumps(self.subscription()))
            while True:
                async with asyncio.timeout(STALE_SECONDS):
                    text = await self._socket.recv()
                self.take(json.loads(text))

    async def _way_there(self) -> dict[str, Any]:
        if self.receive_buffer is None:
            return {"local_addr": (self._address, 0)}
        host, port = urlsplit(self._url()).netloc.split(":")
        found = socket.socket()
        found.setblocking(False)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        found.bind((self._address, 0))
        try:
            await asyncio.get_running_loop().sock_connect(found, (host, int(port)))
        except BaseException:
            found.close()
            raise
        return {"sock": found}

    # What the kinds differ in

    def subscription(self) -> dict[str, Any]:
        return {"command": "subscribe", "identifier": self.identifier()}

    def identifier(self) -> str:
        return '{"channel":"NotificationsChannel"}'

    def take(self, frame: dict[str, Any]) -> None:
        if "type" not in frame:
            self.hear(frame["message"])
        elif frame.get("type") == "confirm_subscription":
            self.live.set()

    def hear(self, message: dict[str, Any]) -> None:
        action, _, resource = message["action"].partition("#")
        row, version = (resource, message["id"]), message.get("updatedAt", 0)
        self.known[row] = max(version, self.known.get(row, 0))
        if action == "update":
            if version < self._heard.get(row, 0):
                self.complaints.append(f"{message} after {self._heard[row]} on the same socket")
            self._heard[row] = version


class BaseClient(Client):
    """Exactly Rails: what it misses while it is away, it never hears of."""


class SinceClient(Client):
    """Base, and asks for what changed since it last was sure to hear."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._since = int(time.time())

    def identifier(self) -> str:
        return json.dumps({"channel": "NotificationsChannel", "since": self._since}, separators=(",", ":"))

    def take(self, frame: dict[str, Any]) -> None:
        super().take(frame)
        if frame.get("type") == "ping" and self.live.is_set():
            self._since = frame["message"]


class ExtendedClient(Client):
    """As AnyCable's: it resumes from the position of the last frame, else from the time of the last ping."""

    protocols = EXTENDED

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._since = int(time.time())
        self._offset = 0
        self.streams: dict[str, dict[str, Any]] = {}
        self.answers: list[str] = []

    def subscription(self) -> dict[str, Any]:
        self._offset = 0
        history = {"since": self._since, "streams": self.streams}
        return super().subscription() | {"history": history}

    def take(self, frame: dict[str, Any]) -> None:
        kind = frame.get("type")
        if "type" not in frame:
            self._move(frame)
            self.hear(frame["message"])
        elif kind in ("confirm_history", "reject_history"):
            self.answers.append(kind)
            self.live.set()
        elif kind == "ping" and self.live.is_set():
            self._since = frame["message"]

    def _move(self, frame: dict[str, Any]) -> None:
        if frame["offset"] <= self._offset:
            self.complaints.append(f"offset {frame['offset']} after {self._offset} on the same socket")
        self._offset = frame["offset"]
        self.streams[frame["stream_id"]] = {"epoch": frame["epoch"], "offset": frame["offset"]}

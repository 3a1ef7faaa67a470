"""
Clients that behave as real ones: they subscribe, record notifications, detect a dead socket, reconnect to
another server, and ask for a replay if their kind can.
"""

import asyncio
import json
import random
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.support.cable import BASE, EXTENDED
from tests.support.event_stream import Blocks, Event
from tests.support.site import Person

Row = tuple[str, int]
# After this long without a ping a socket counts as dead, as in every ActionCable client.
STALE_SECONDS = 6.5
RETRY_SECONDS = (0.2, 1.5)
FAILURES = (OSError, ConnectionClosed, InvalidHandshake, TimeoutError, EOFError, httpx.HTTPError)
# Shared: each httpx.AsyncClient would load all root certificates into a context of its own.
TLS = ssl.create_default_context()


class Client:
    """
    known: the version of each row in its notifications, in whole seconds (0: created). live: subscribed and,
    if it asked for a replay, answered. complaints: violations by the server. ended: why its last sockets
    ended. url: called for each connection attempt.
    """

    def __init__(self, person: Person, address: str, url: Callable[[], str]) -> None:
        self.person = person
        self.known: dict[Row, int] = {}
        self.live = asyncio.Event()
        self.connected = 0
        self.complaints: list[str] = []
        self.ended: deque[str] = deque(maxlen=3)
        self._address = address
        self._url = url
        self._heard: dict[Row, int] = {}
        self._not_before = 0.0

    async def run(self) -> None:
        while True:
            try:
                await self._live_once()
            except FAILURES as exc:
                self.ended.append(repr(exc))
            self.live.clear()
            await asyncio.sleep(max(self._pause(), self._not_before - time.monotonic()))

    def _pause(self) -> float:
        return random.uniform(*RETRY_SECONDS)

    def stay_away(self, seconds: float) -> None:
        """Once the present socket has ended, do not reconnect for this long."""
        self._not_before = time.monotonic() + seconds

    def hear(self, message: dict[str, Any]) -> None:
        action, _, resource = message["action"].partition("#")
        row, version = (resource, message["id"]), message.get("updatedAt", 0)
        self.known[row] = max(version, self.known.get(row, 0))
        if action == "update":
            if version < self._heard.get(row, 0):
                self.complaints.append(f"{message} after {self._heard[row]} on the same socket")
            self._heard[row] = version

    # What subclasses implement

    @property
    def local(self) -> Any:
        """The local address and port of the connection; None without one."""
        raise NotImplementedError

    @property
    def port(self) -> int | None:
        """The port of the server to which the client is connected; None without a connection."""
        raise NotImplementedError

    def cut(self) -> None:
        """Aborts the connection, if there is one, without a closing handshake."""
        raise NotImplementedError

    async def _live_once(self) -> None:
        """One connection, from its start to its end, however it ends."""
        raise NotImplementedError


class SocketClient(Client):
    """A client on a WebSocket."""

    protocols = BASE
    # SO_RCVBUF in bytes; None: the kernel's default, which is megabytes on loopback.
    receive_buffer: int | None = None
    _socket: ClientConnection | None = None

    @property
    def local(self) -> Any:
        return None if self._socket is None else self._socket.local_address

    @property
    def port(self) -> int | None:
        return None if self._socket is None else self._socket.remote_address[1]

    def cut(self) -> None:
        if self._socket is not None:
            self._socket.transport.abort()

    async def _live_once(self) -> None:
        try:
            await self._talk()
        finally:
            self._socket = None

    async def _talk(self) -> None:
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

    # What subclasses override

    def subscription(self) -> dict[str, Any]:
        return {"command": "subscribe", "identifier": self.identifier()}

    def identifier(self) -> str:
        return '{"channel":"NotificationsChannel"}'

    def take(self, frame: dict[str, Any]) -> None:
        if "type" not in frame:
            self.hear(frame["message"])
        elif frame.get("type") == "confirm_subscription":
            self.live.set()


class BaseClient(SocketClient):
    """Exactly as a Rails client: it never receives what it misses while it is disconnected."""


class SinceClient(SocketClient):
    """The base protocol, and on reconnecting asks for the changes since the time of the last ping."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._since = int(time.time())

    def identifier(self) -> str:
        return json.dumps({"channel": "NotificationsChannel", "since": self._since}, separators=(",", ":"))

    def take(self, frame: dict[str, Any]) -> None:
        super().take(frame)
        if frame.get("type") == "ping" and self.live.is_set():
            self._since = frame["message"]


class ExtendedClient(SocketClient):
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


class StreamClient(Client):
    """
    A client of Server-Sent Events that behaves as a browser's EventSource: it reconnects after the server's
    `retry`, with the id of the last event. At a refetch it loads its tasks again, and appends "refetch" to
    answers.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.answers: list[str] = []
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(local_address=self._address, verify=TLS),
            timeout=STALE_SECONDS,
            headers={"Cookie": f"Authorization={self.person.token}", "Authorization": self.person.token},
        )
        self._network: Any = None
        self._blocks = Blocks()
        self._offset = 0
        self._position = ""

    async def run(self) -> None:
        async with self._http:
            await super().run()

    def _pause(self) -> float:
        return self._blocks.retry / 1000 or super()._pause()

    @property
    def local(self) -> Any:
        return self._network and self._network.get_extra_info("client_addr")

    @property
    def port(self) -> int | None:
        # None also if the connection has just ended.
        address = self._network and self._network.get_extra_info("server_addr")
        return address[1] if address else None

    def cut(self) -> None:
        if self._network is not None:
            self._network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async def _live_once(self) -> None:
        base = self._url().replace("ws://", "http://").removesuffix("/cable")
        # Without the last connection's `retry`: a refused connection brings none.
        self._blocks, self._offset = Blocks(), 0
        self._heard.clear()
        async with self._http.stream("GET", f"{base}/cable/events", headers=self.resuming()) as answer:
            if answer.status_code != 200:
                self.complaints.append(f"{answer.status_code}, after which no EventSource comes back")
                return
            self._network = answer.extensions["network_stream"]
            self.connected += 1
            try:
                async for line in answer.aiter_lines():
                    if (block := self._blocks.take(line)) is not None:
                        await self._take(block, base)
            finally:
                self._network = None

    def resuming(self) -> dict[str, str]:
        return {"Last-Event-ID": self._position} if self._position else {}

    async def _take(self, block: Event, base: str) -> None:
        if block.name == "disconnect":
            if not block.data["reconnect"]:
                self.complaints.append(f"told not to come back: {block.data}")
            return
        if block.name == "refetch":
            # Before its position is stored: if the refetch fails, the server demands it again.
            await self.refetch(base)
            self.answers.append(block.name)
        elif block.text:
            self.hear(block.data)
        self._move(block)

    def _move(self, block: Event) -> None:
        """An id without a notification confirms all changes before it. It may repeat the previous id."""
        at, before = _number(block.id), self._offset
        if at < before or (block.text and at == before):
            self.complaints.append(f"id {block.id} after {before} on the same stream")
        if block.moves and (not block.text or block.name == "refetch"):
            self.live.set()
        self._offset = at
        self._position = block.id or self._position

    async def refetch(self, base: str) -> None:
        """Loads all tasks of the user, page by page."""
        page = "/api/users/me/tasks"
        while page:
            answer = await self._http.get(base + page)
            found = answer.raise_for_status().json()
            page = found["links"].get("next", "")
            for task in found["data"]:
                row = ("tasks", int(task["id"]))
                self.known[row] = max(_version(task["attributes"]), self.known.get(row, 0))


def _number(position: str) -> int:
    """The offset of a position; 0 for an empty one."""
    return int(position.rpartition("-")[2] or 0)


def _version(attributes: dict[str, Any]) -> int:
    created, updated = attributes["createdAt"], attributes["updatedAt"]
    return 0 if created == updated else int(datetime.fromisoformat(updated).timestamp())

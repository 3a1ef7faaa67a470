"""
A minimal client of the cable that still behaves as a real one: the client's side of RFC 6455, by hand.

A library would cost more CPU per frame than the servers that are measured.
"""

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any, Protocol, cast

IDENTIFIER = r"{\"channel\":\"NotificationsChannel\"}"
SUBSCRIBE = f'{{"command":"subscribe","identifier":"{IDENTIFIER}"}}'.encode()

TEXT, _CLOSE, _PING, _PONG = 0x1, 0x8, 0x9, 0xA
# django-actioncable sorts the keys of a frame, so that "ping" may come last. A notification is always longer.
_PING_WORD, _PING_BYTES = b'"ping"', 64


class Observer(Protocol):
    """
    The counters of the load generator. arrivals: time and text of each notification, or None: not recorded.
    """

    received: int
    worst_gap: float
    arrivals: list[tuple[float, bytes]] | None


def handshake(host: str, port: int, token: str) -> bytes:
    """The handshake of a browser."""
    return upgrade(
        *("/cable", host, port),
        "Sec-WebSocket-Protocol: actioncable-v1-json, actioncable-unsupported",
        f"Cookie: Authorization={token}",
    )


def upgrade(path: str, host: str, port: int, *headers: str) -> bytes:
    """All clients send the same Sec-WebSocket-Key: none checks the response to it."""
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {host}:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Origin: http://{host}:{port}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "Accept-Language: en",
        *headers,
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def client_frame(opcode: int, payload: bytes) -> bytes:
    """Masked, as RFC 6455 requires of clients. Up to 65,535 bytes."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2)
    mask = os.urandom(4)
    masked = bytes(byte ^ mask[index & 3] for index, byte in enumerate(payload))
    return bytes([0x80 | opcode]) + length + mask + masked


_SUBSCRIBE_FRAME = client_frame(TEXT, SUBSCRIBE)


class Client(asyncio.Protocol):
    """
    One socket. It subscribes when it is welcomed. on_change: called when it is welcomed, confirmed or closed.
    """

    __slots__ = (
        "_observer",
        "_on_change",
        "_request",
        "_rest",
        "_upgraded",
        "confirmed",
        "ended",
        "last_ping",
        "pings",
        "subscribed_at",
        "subscribes",
        "transport",
        "welcomed",
    )

    def __init__(self, request: bytes, observer: Observer, on_change: "Callable[[Client], None]") -> None:
        self._request = request
        self._observer = observer
        self._on_change = on_change
        self._rest = b""
        self._upgraded = False
        self.welcomed = self.confirmed = self.ended = False
        self.last_ping = self.subscribed_at = 0.0
        self.subscribes = self.pings = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass
        self.transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True
        self._on_change(self)

    def subscribe(self) -> None:
        self.transport.write(_SUBSCRIBE_FRAME)
        self.subscribed_at = time.monotonic()
        self.subscribes += 1

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        at = 0 if self._upgraded else self._skip_upgrade(data)
        end = len(data)
        while at >= 0 and end - at >= 2:
            size, start = data[at + 1], at + 2
            if size == 126:
                size, start = int.from_bytes(data[at + 2 : at + 4]), at + 4
            if end < start + size:
                break
            self._on_frame(data[at] & 0x0F, data, start, start + size)
            at = start + size
        self._rest = data[max(at, 0) :] if at < end else b""

    def _skip_upgrade(self, data: bytes) -> int:
        """Where the frames begin; -1 if the response is incomplete or a refusal."""
        head = data.find(b"\r\n\r\n")
        if head < 0:
            return -1
        if not data.startswith(b"HTTP/1.1 101"):
            self.transport.abort()
            return -1
        self._upgraded = True
        return head + 4

    def _on_frame(self, opcode: int, data: bytes, start: int, end: int) -> None:
        if opcode == TEXT:
            if end - start <= _PING_BYTES and data.find(_PING_WORD, start, end) >= 0:
                self._on_ping()
            elif self.confirmed:
                self._on_notification(data, start, end)
            else:
                self._on_control(data[start:end])
        elif opcode == _PING:
            self.transport.write(client_frame(_PONG, data[start:end]))
        elif opcode == _CLOSE:
            self.transport.close()

    def _on_notification(self, data: bytes, start: int, end: int) -> None:
        observer = self._observer
        observer.received += 1
        if observer.arrivals is not None:
            observer.arrivals.append((time.monotonic(), data[start:end]))

    def _on_ping(self) -> None:
        now = time.monotonic()
        if self.last_ping and now - self.last_ping > self._observer.worst_gap:
            self._observer.worst_gap = now - self.last_ping
        self.last_ping = now
        self.pings += 1

    def _on_control(self, text: bytes) -> None:
        if b'"welcome"' in text:
            self.welcomed = True
            self.subscribe()
        elif b'"confirm_subscription"' in text:
            self.confirmed = True
        self._on_change(self)


OnChange = Callable[[Client], None]


def new(host: str, port: int, person: dict[str, Any], observer: Observer, on_change: OnChange) -> Client:
    """person: {"id", "token", "task"}, from installation.py."""
    return Client(handshake(host, port, person["token"]), observer, on_change)

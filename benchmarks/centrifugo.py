"""
A minimal client of Centrifugo's JSON protocol. It authenticates with a JWT, upon which the server subscribes
it to the user's personal channel, and it answers pings. A frame may contain several messages, one per line.
"""

import json
import time
from typing import Any

import jwt

from benchmarks.contenders import CENTRIFUGO_SECRET
from benchmarks.websocket import TEXT, Client, Observer, OnChange, client_frame, upgrade

PATH = "/connection/websocket"
HOUR = 3600
_PONG = client_frame(TEXT, b"{}")


class CentrifugoClient(Client):
    """
    Counts as the cable's client does: "welcomed" once the upgrade succeeded, "confirmed" at the response to
    the connect command.
    """

    __slots__ = ("_hello",)

    def __init__(self, request: bytes, observer: Observer, on_change: OnChange, token: str) -> None:
        super().__init__(request, observer, on_change)
        command = {"id": 1, "connect": {"token": token}}
        self._hello = client_frame(TEXT, json.dumps(command).encode())

    def subscribe(self) -> None:
        self.transport.write(self._hello)
        self.subscribed_at = time.monotonic()
        self.subscribes += 1

    def _skip_upgrade(self, data: bytes) -> int:
        at = super()._skip_upgrade(data)
        if at >= 0:
            self.welcomed = True
            self.subscribe()
        return at

    def _on_frame(self, opcode: int, data: bytes, start: int, end: int) -> None:
        if opcode != TEXT:
            super()._on_frame(opcode, data, start, end)
            return
        for line in data[start:end].splitlines():
            self._on_line(line)

    def _on_line(self, line: bytes) -> None:
        if line == b"{}":
            self._on_ping()
            self.transport.write(_PONG)
        elif line.startswith(b'{"push"'):
            self._on_push(line)
        elif b'"connect"' in line:
            self.confirmed = True
            self._on_change(self)

    def _on_push(self, line: bytes) -> None:
        self._observer.received += 1
        if self._observer.arrivals is not None:
            at, told = time.monotonic(), json.loads(line)["push"]["pub"]["data"]
            self._observer.arrivals.append((at, json.dumps({"message": told}).encode()))


def new(host: str, port: int, person: dict[str, Any], observer: Observer, on_change: OnChange) -> Client:
    """As new() of websocket.py."""
    claims = {"sub": str(person["id"]), "exp": int(time.time()) + HOUR}
    token = jwt.encode(claims, CENTRIFUGO_SECRET, algorithm="HS256")
    return CentrifugoClient(upgrade(PATH, host, port), observer, on_change, token)

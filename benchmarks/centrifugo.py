"""
The cheapest client of Centrifugo's JSON protocol: it names its user by a JWT, has the personal channel of
that user without asking for it, and answers pings. Several messages may be in a frame, a line each.
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
    """As the one of the cable, to who counts. It is welcomed by the upgrade, and confirmed by its answer."""

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
    """As the one of websocket.py."""
    claims = {"sub": str(person["id"]), "exp": int(time.time()) + HOUR}
    token = jwt.encode(claims, CENTRIFUGO_SECRET, algorithm="HS256")
    return CentrifugoClient(upgrade(PATH, host, port), observer, on_change, token)

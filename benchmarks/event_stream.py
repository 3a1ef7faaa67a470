"""
A minimal client of /cable/events. It searches the bytes for events, and does not parse the chunked encoding.
"""

import time
from typing import Any

from benchmarks.websocket import Client, Observer, OnChange


def request(host: str, port: int, token: str) -> bytes:
    """The request of a browser, with about as many headers as the handshake of websocket.py."""
    return (
        f"GET /cable/events HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: keep-alive\r\n"
        "Accept: text/event-stream\r\nCache-Control: no-cache\r\nSec-Fetch-Site: same-origin\r\n"
        f"Referer: http://{host}:{port}/\r\n"
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
        f"Accept-Language: en\r\nCookie: Authorization={token}\r\n\r\n"
    ).encode()


class StreamClient(Client):
    """Counts as the WebSocket client does. The first event makes it both "welcomed" and "confirmed"."""

    __slots__ = ()

    def data_received(self, data: bytes) -> None:
        if self._rest:
            data = self._rest + data
        if not self._upgraded:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                self._rest = data
                return
            if not data.startswith(b"HTTP/1.1 200"):
                self.transport.abort()
                return
            self._upgraded = True
            data = data[head + 4 :]
        *blocks, self._rest = data.split(b"\n\n")
        for block in blocks:
            self._on_block(block)

    def _on_block(self, block: bytes) -> None:
        if b": ping" in block:
            self._on_ping()
        elif b"event: disconnect" in block:
            self.transport.close()
        elif b"data: " in block:
            self._on_data(block.rpartition(b"data: ")[2])
        elif b"retry: " in block:
            self.welcomed = self.confirmed = True
            self.subscribed_at = time.monotonic()
            self._on_change(self)

    def _on_data(self, data: bytes) -> None:
        self._observer.received += 1
        if self._observer.arrivals is not None:
            self._observer.arrivals.append((time.monotonic(), b'{"message":%b}' % data))


def new(host: str, port: int, person: dict[str, Any], observer: Observer, on_change: OnChange) -> Client:
    """As new() of websocket.py."""
    return StreamClient(request(host, port, person["token"]), observer, on_change)

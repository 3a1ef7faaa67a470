"""A WebSocket client without a library, for tests of misbehaving clients."""

import base64
import os
import socket
import struct
import time
from pathlib import Path
from typing import Self

CONTINUATION = 0
TEXT = 1
CLOSE = 8
PING = 9
ESTABLISHED = 1  # the kernel's TCP_ESTABLISHED


def frame(payload: str | bytes, *, opcode: int = TEXT, final: bool = True) -> bytes:
    """A client's frame, masked with zeros: a client must mask, with any key."""
    payload = payload.encode() if isinstance(payload, str) else payload
    head = bytes([opcode | (0x80 if final else 0)])
    if len(payload) < 126:
        size = bytes([0x80 | len(payload)])
    elif len(payload) < 65_536:
        size = b"\xfe" + struct.pack("!H", len(payload))
    else:
        size = b"\xff" + struct.pack("!Q", len(payload))
    return head + size + b"\0\0\0\0" + payload


class RawSocket:
    """heard: the bytes received so far."""

    def __init__(self, port: int, *, host: str = "127.0.0.1", receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(30)
        self.socket.connect((host, port))
        self.host = host
        self.heard = b""

    def upgrade(self, token: str, *more: str) -> Self:
        """Makes the handshake and waits for the welcome. more: header lines."""
        self.ask(token, *more)
        return self.hear(b'"welcome"')

    def ask(self, token: str, *more: str, then: bytes = b"") -> None:
        """Sends the handshake and does not wait for the response. then: bytes sent in the same segments."""
        lines = [
            "GET /cable HTTP/1.1",
            f"Host: {self.host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            f"Cookie: Authorization={token}",
            *more,
        ]
        self.send("\r\n".join([*lines, "", ""]).encode() + then)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self, expected: bytes, seconds: float = 30) -> Self:
        deadline = time.monotonic() + seconds
        while expected not in self.heard:
            assert time.monotonic() < deadline, f"no {expected!r}: {self.heard[-500:]!r}"
            chunk = self.socket.recv(65_536)
            assert chunk, f"closed before {expected!r}: {self.heard[-500:]!r}"
            self.heard += chunk
        return self

    def hear_the_end(self) -> Self:
        """Reads until the peer closes or resets the connection."""
        try:
            while chunk := self.socket.recv(65_536):
                self.heard += chunk
        except ConnectionError:
            pass
        return self

    @property
    def connected(self) -> bool:
        """As the kernel sees it, without reading anything."""
        return self.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED

    @property
    def unread(self) -> int:
        """Bytes that we sent and the server has not read yet. Works on loopback only."""
        ours = f":{self.socket.getsockname()[1]:04X}"
        theirs = f":{self.socket.getpeername()[1]:04X}"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, queues, *_ = line.split()
            if local.endswith(theirs) and remote.endswith(ours):
                return int(queues.split(":")[1], 16)
        return 0

    def close(self) -> None:
        self.socket.close()

"""A websocket by hand, for clients that misbehave."""

import base64
import os
import socket
import struct
from typing import Self

TEXT = 1
CONTINUATION = 0
ESTABLISHED = 1  # the kernel's TCP_ESTABLISHED


def frame(text: str, *, opcode: int = TEXT, final: bool = True) -> bytes:
    """Masked with zeros, as a client's frame must be masked with something."""
    payload = text.encode()
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
        self.socket.settimeout(10)
        self.socket.connect((host, port))
        self.host = host
        self.heard = b""

    def upgrade(self, token: str) -> Self:
        """The handshake, up to the welcome."""
        lines = [
            "GET /cable HTTP/1.1",
            f"Host: {self.host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
            "Sec-WebSocket-Version: 13",
            f"Cookie: Authorization={token}",
        ]
        self.send("\r\n".join([*lines, "", ""]).encode())
        return self.hear(b'"welcome"')

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self, expected: bytes) -> Self:
        while expected not in self.heard:
            chunk = self.socket.recv(65_536)
            assert chunk, f"closed before {expected!r}: {self.heard[-500:]!r}"
            self.heard += chunk
        return self

    def hear_the_end(self) -> Self:
        """Until the other side closes, or resets."""
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

    def close(self) -> None:
        self.socket.close()

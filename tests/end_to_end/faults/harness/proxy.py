"""A TCP proxy that breaks connections as networks do."""

import asyncio
import socket
import struct
from typing import Self

RESET = struct.pack("ii", 1, 0)
CHUNK = 65_536


class Proxy:
    """
    In front of a port of this machine. It connects to the server from the client's address, so that the
    server can tell the clients apart.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self._swallowing = False
        self._silenced: set[tuple[str, int]] = set()
        self._links: dict[tuple[str, int], tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def swallow(self) -> None:
        """Makes all connections half-open: they stay, new ones are accepted, but no data is forwarded."""
        self._swallowing = True

    def heal(self) -> None:
        """New connections work again. The discarded data is lost, and its connections stay half-open."""
        self._swallowing = False

    def silence(self) -> None:
        """Makes the present connections half-open permanently. Later connections work."""
        self._silenced.update(self._links)

    def cut(self, caller: tuple[str, int]) -> bool:
        """Resets the connection from this address at both ends. Returns whether the proxy had one."""
        link = self._links.get(caller, ())
        for writer in link:
            _reset(writer)
        return bool(link)

    async def close(self) -> None:
        self._server.close()
        for caller in tuple(self._links):
            self.cut(caller)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = writer.get_extra_info("peername")
        try:
            far = await asyncio.open_connection("127.0.0.1", self.target, local_addr=(caller[0], 0))
        except OSError:
            _reset(writer)
            return
        self._links[caller] = (writer, far[1])
        try:
            await asyncio.gather(self._pass_on(reader, far[1], caller), self._pass_on(far[0], writer, caller))
        except OSError:
            pass
        finally:
            for each in self._links.pop(caller):
                each.close()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, caller: tuple[str, int]
    ) -> None:
        poisoned = False
        while data := await reader.read(CHUNK):
            # TCP has no gaps: after discarded bytes nothing more may be forwarded.
            poisoned = poisoned or self._swallowing or caller in self._silenced
            if not poisoned:
                writer.write(data)
                await writer.drain()
        writer.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Aborts the connection with a TCP RST, without a FIN."""
    found = writer.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()

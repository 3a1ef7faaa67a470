"""
The null server: it confirms every subscription, and then writes frames to all clients as fast as it can. The
rate at which load.py receives them is the most that load.py can receive.
"""

import asyncio
import os
import socket
import sys
from typing import cast

import uvloop

from benchmarks.servers.floor import CONFIRM, HEAD


def server_frame(text: str) -> bytes:
    payload = text.encode()
    size = len(payload)
    return (b"\x81" + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2))) + payload


WELCOME = server_frame('{"type":"welcome"}')
CONFIRMED = server_frame(CONFIRM)
NOTIFICATION = server_frame(f'{HEAD}{{"action":"update#tasks","id":23,"updatedAt":1515248100}}}}')

sockets: list[socket.socket] = []


class Peer(asyncio.Protocol):
    upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is not a subclass

    def data_received(self, data: bytes) -> None:
        if self.upgraded:
            self.transport.write(CONFIRMED)
            own = self.transport.get_extra_info("socket")
            sockets.append(socket.socket(fileno=os.dup(own.fileno())))  # uvloop's own cannot send
        else:
            self.upgraded = True
            self.transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + WELCOME)


async def blast() -> None:
    while True:
        for peer in sockets:
            try:
                peer.send(NOTIFICATION)
            except BlockingIOError:
                continue  # the load generator is behind on this socket
            except OSError:
                return
        await asyncio.sleep(0 if sockets else 0.01)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Peer, "127.0.0.1", int(sys.argv[1]), backlog=4096)
    async with server:
        await blast()


if __name__ == "__main__":
    uvloop.run(main())

"""
The synchronous connection of `websockets`, with deadlines that hold over TLS too.

Its reader waits until the socket is readable and then calls recv(). Over TLS that can be a record without
data (a session ticket follows each handshake of TLS 1.3): recv() goes on waiting, nothing wakes it, and the
code that closes the connection, at the end of `open_timeout` for example, joins the reader's thread for ever.
Seen with websockets 17.4: a server that completes the handshake of TLS and then sends nothing.
"""

import contextlib
import socket
from typing import Any

from websockets.sync import client


class Connection(client.ClientConnection):
    def close_socket(self) -> None:
        # Wakes recv(). It fails if the connection is closed already, which is intended.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        super().close_socket()


def connect(url: str, **options: Any) -> client.ClientConnection:
    """options: of connect() in websockets.sync.client. Raises what that does."""
    connection: client.ClientConnection = client.connect(url, create_connection=Connection, **options)
    return connection

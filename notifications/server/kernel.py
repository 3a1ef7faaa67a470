"""
Socket options and direct writes for long-lived connections (websockets and event streams), past Twisted's
API.
"""

import socket
import struct
from typing import Any

from ..conf import server_settings

# SO_SNDBUF. Linux would autotune it up to 4 MB per slow client.
SEND_BUFFER_BYTES = 128 * 1024
# From the kernel's `struct tcp_info`: tcpi_state, and tcpi_last_ack_recv in milliseconds.
TCP_INFO = struct.Struct("=B55xI")
TCP_CLOSED = 7
JIFFY_SECONDS = 0.01


def write_at_once(transport: Any, data: bytes) -> bool:
    """
    Writes to the socket directly: Twisted's transport would wait for a turn of the event loop and make two
    more system calls. Returns False, with nothing written, when other bytes wait or the socket takes none.
    """
    if transport.dataBuffer or transport._tempDataBuffer:
        return False
    try:
        written = transport.socket.send(data)
    except OSError:
        return False
    if written < len(data):
        transport.write(data[written:])
    return True


def set_options(transport: Any) -> None:
    transport.setTcpKeepAlive(1)
    handle = transport.getHandle()
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
    options = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
    options["TCP_USER_TIMEOUT"] = int(server_settings().dead_peer_seconds * 1000)
    for name, value in options.items():
        option = getattr(socket, name, None)  # not every system has every option
        if option is not None:
            handle.setsockopt(socket.IPPROTO_TCP, option, value)


def stopped_answering(transport: Any) -> bool:
    """
    Whether the kernel ended a lost connection (TCP_USER_TIMEOUT, keepalive). Twisted reports ETIMEDOUT and a
    reset alike.
    """
    # The socket is still open here, unless the connection was lost before we took it over.
    handle = getattr(transport, "socket", None)
    option = getattr(socket, "TCP_INFO", None)
    if handle is None or option is None:
        return False
    state, unanswered = TCP_INFO.unpack(handle.getsockopt(socket.IPPROTO_TCP, option, TCP_INFO.size))
    patience = server_settings().dead_peer_seconds - JIFFY_SECONDS
    return bool(state == TCP_CLOSED and unanswered >= patience * 1000)

"""
Shuts down a socket for which another thread waits, as if the network had closed it.
"""

import contextlib
import os
import socket


def shut_down(fileno: int) -> None:
    """
    A thread that waits for the socket sees its end. The descriptor stays open, so that its number is not
    reused. Does nothing if the socket was closed meanwhile.
    """
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fileno)) as handle:
        handle.shutdown(socket.SHUT_RDWR)

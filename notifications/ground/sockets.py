"""
The end of a socket that somebody waits for, as the network brings it about.
"""

import contextlib
import os
import socket


def shut_down(fileno: int) -> None:
    """
    Whoever waits for the socket hears that it ended; it stays open, and its number is not given again.
    Nothing happens where it was closed meanwhile.
    """
    with contextlib.suppress(OSError), socket.socket(fileno=os.dup(fileno)) as handle:
        handle.shutdown(socket.SHUT_RDWR)

"""
Graceful shutdown: the clients of a process are told to reconnect elsewhere, spread over the time that there
is.
"""

import asyncio
import random
from collections.abc import Iterable

from ..wire import protocol
from .connection import Connection

# A tenth longer, so that no second of ten closes more than a tenth of the clients: they must not overload the
# next server.
STRETCH = 1.1
# Sockets that would be closed within this time of each other are closed together.
TOGETHER_SECONDS = 0.05


async def send_elsewhere(connections: Iterable[Connection], seconds: float) -> None:
    """Closes them evenly over the time, in random order. The clients reconnect at once."""
    leaving = list(connections)
    random.shuffle(leaving)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for index, connection in enumerate(leaving, start=1):
        connection.close(protocol.SERVER_RESTART, reconnect=True)
        ahead = started + STRETCH * seconds * index / len(leaving) - loop.time()
        if ahead > TOGETHER_SECONDS or index == len(leaving):
            await asyncio.sleep(max(0, ahead))

"""
The graceful shutdown of a process: its clients are sent elsewhere, spread over the time that there is.
"""

import asyncio
import random
from collections.abc import Iterable

from ..wire import protocol
from .connection import Connection

# A tenth more, so that no second of ten has more than a tenth of the clients: the next server is not to be
# stormed.
STRETCH = 1.1
# Those who would go within so long of each other go together.
TOGETHER_SECONDS = 0.05


async def send_elsewhere(connections: Iterable[Connection], seconds: float) -> None:
    """Closes them evenly over the time, in random order. A client that is told so reconnects at once."""
    leaving = list(connections)
    random.shuffle(leaving)
    loop = asyncio.get_running_loop()
    started = loop.time()
    for index, connection in enumerate(leaving, start=1):
        connection.close(protocol.SERVER_RESTART, reconnect=True)
        ahead = started + STRETCH * seconds * index / len(leaving) - loop.time()
        if ahead > TOGETHER_SECONDS or index == len(leaving):
            await asyncio.sleep(max(0, ahead))

"""
How long one pass over the tables waits for clients that do not keep up.

A pass may have more changes for one client than its outbox holds: written at once, they would close a socket
that reads normally. And a client that does not read must not delay what the others are owed.
"""

import asyncio
from collections.abc import Collection

from .connection import Connection
from .fan_out import TURN_FRAMES

# Once for each client, in seconds.
PATIENCE = 2.0
# For all clients of one pass together, in seconds.
TOTAL = 10.0


class Patience:
    """The patience of one pass."""

    def __init__(self) -> None:
        self._left = TOTAL
        self._given_up: set[Connection] = set()
        self._frames = 0

    async def before_telling(self, connections: Collection[Connection]) -> None:
        """Returns when they have read what was written to them, or when the wait is over."""
        self._frames += sum(len(each.subscriptions) for each in connections)
        if self._frames > TURN_FRAMES:
            self._frames = 0
            await asyncio.sleep(0)
        slow = {each for each in connections if each.congested} - self._given_up
        if slow and self._left > 0:
            await self._wait_for(slow)

    async def _wait_for(self, slow: set[Connection]) -> None:
        loop = asyncio.get_running_loop()
        started = loop.time()
        waiting = [loop.create_task(each.written()) for each in slow]
        try:
            await asyncio.wait(waiting, timeout=min(PATIENCE, self._left))
        finally:
            for task in waiting:
                task.cancel()
        self._left -= loop.time() - started
        self._given_up.update(each for each in slow if each.congested)

"""
The heartbeat: a ping for every socket once in PING_INTERVAL, spread over the interval by a timer wheel.

A ping keeps the client from giving up the connection. It has the time until which the client has everything:
a client resumes from the time of its last ping.
"""

import asyncio
import random
from collections.abc import Callable

from ..ground.metrics import metrics
from ..wire import protocol
from ..wire.heartbeat import TimerWheel
from ..wire.positions import MICROSECONDS
from .connection import Connection

# One slot of the timer wheel every 50 ms.
TICK_SECONDS = 0.05


class Heartbeat:
    """
    interval: seconds between two pings of one socket. horizon: the position that a ping may have now, in
    microseconds since the epoch. on_tick: called every TICK_SECONDS, for other work that is due by the clock.
    """

    def __init__(self, interval: float, horizon: Callable[[], int], on_tick: Callable[[], None]) -> None:
        self._wheel: TimerWheel[Connection] = TimerWheel(max(1, round(interval / TICK_SECONDS)))
        self._horizon = horizon
        self._on_tick = on_tick

    def __len__(self) -> int:
        return len(self._wheel)

    def add(self, connection: Connection) -> None:
        connection.slot = self._wheel.add(connection, random.random())  # noqa: S311 spreads, hides nothing

    def remove(self, connection: Connection) -> None:
        self._wheel.remove(connection, connection.slot)

    async def run(self) -> None:
        """Runs for ever. Catches up when the loop was late."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += TICK_SECONDS
            late = loop.time() - due
            # Also when it is late: ticks that take longer than their slot would block the loop.
            await asyncio.sleep(max(0, -late))
            if late > 1:
                due = loop.time()
            metrics.ping_lateness.observe(int(late * 1e6))
            self._tick()

    def _tick(self) -> None:
        at = self._horizon() // MICROSECONDS
        frame = protocol.ping(at)
        for connection in self._wheel.advance():
            connection.ping(frame, at)
        self._on_tick()

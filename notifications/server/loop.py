"""
The event loop of the server: asyncio's own, with turns that are bounded.

asyncio handles all ready sockets in one turn. In a storm of thousands of sockets a turn would take seconds,
and work that needs several turns (a message of Redis, a batch of log-ins, the timer of the pings) many more.

Linux only: other systems have no epoll, and asyncio stays as it is.
"""

import asyncio
import math
import select
import selectors

# Further ready sockets come first in the next turn: the kernel returns them in order.
EVENTS_PER_TURN = 64


class BoundedSelector(selectors.EpollSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # In whole milliseconds, rounded up, as the base class does: rounded down, the loop would spin.
        seconds = -1.0 if timeout is None else max(0.0, math.ceil(timeout * 1e3) * 1e-3)
        try:
            found = self._selector.poll(seconds, EVENTS_PER_TURN)  # type: ignore[attr-defined]
        except InterruptedError:
            return []
        keys = self.get_map()
        return [(key, _mask(events) & key.events) for fd, events in found if (key := keys.get(fd))]


def _mask(events: int) -> int:
    """
    Errors and hang-ups count as readable and as writable, so that both the reader and the writer are called.
    """
    readable = selectors.EVENT_READ if events & ~select.EPOLLOUT else 0
    writable = selectors.EVENT_WRITE if events & ~select.EPOLLIN else 0
    return readable | writable


def bound_turns(loop: asyncio.AbstractEventLoop) -> None:
    """
    Replaces the selector of a loop that does not run yet. daphne creates the loop when it is imported; an
    installed app imports daphne long before it is known that this process will serve. A loop without epoll
    stays as it is.
    """
    usual = getattr(loop, "_selector", None)
    if type(usual) is not selectors.EpollSelector:
        return
    bounded = BoundedSelector()
    for key in usual.get_map().values():  # the loop's own pipe, by which other threads wake it
        bounded.register(key.fileobj, key.events, key.data)
    loop._selector = bounded  # type: ignore[attr-defined]
    usual.close()

"""
Limits what one change may cost in a turn of the loop, and which positions may be given out while some of it
waits.

A user can have thousands of subscriptions (sockets times identifiers). Writing to all of them at once would
delay everybody else; so a part is written in each turn, and users with more to write take turns.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator

from ..ground.limits import breaches
from ..wire import protocol
from ..wire.close_codes import TOO_SLOW
from ..wire.payloads import Change, Key
from ..wire.positions import MICROSECONDS
from .connection import Connection
from .registry import Registry

# Frames that are written in one turn: about 5 ms.
TURN_FRAMES = 200
# Changes of one user that may wait for their turn. With more, the server cannot keep up with that user.
WAITING_CHANGES = 10_000

# Delivers a change to a connection.
_Tell = Callable[[Connection], None]


class _Waiting:
    """
    One change that waits for its turn. listeners: the connections that have not been sent it yet. since: the
    latest position when it began to wait, in whole seconds since the epoch. over: no listener is left.
    """

    __slots__ = ("listeners", "over", "since", "tell")

    def __init__(self, tell: _Tell, listeners: Iterable[Connection], since: int) -> None:
        self.tell = tell
        self.listeners: Iterator[Connection] = iter(listeners)
        self.since = since
        self.over = False


class FanOut:
    """
    spawn: runs a coroutine as a task of the hub. promised: the latest position that a client could be given
    if nothing waited, in microseconds.

    Changes of one user reach each socket in the order of deliver() and deliver_missed(): of a destroy and a
    create, the client keeps the last. The call determines the listeners; a socket that closes before its turn
    gets nothing.
    """

    def __init__(self, registry: Registry, spawn: Callable[..., object], promised: Callable[[], int]) -> None:
        self._registry = registry
        self._spawn = spawn
        self._promised = promised
        self._waiting: dict[Key, deque[_Waiting]] = {}
        # How many changes wait since each of these times.
        self._since: dict[int, int] = {}
        self._writing = False
        # Frames of changes for many users that this turn of the loop has written.
        self._written = 0

    @property
    def horizon(self) -> int | None:
        """
        The latest position that a client may be given while changes wait, in microseconds; None if none wait.
        A client that is cut off and resumes from a later position would miss what waits, since passes and
        replays take that as delivered.
        """
        return min(self._since) * MICROSECONDS if self._since else None

    def deliver_to_one_of_many(self, change: Change, horizon: int) -> None:
        """
        As deliver(), for a change of thousands of users: together they get no more of a turn than one user
        with thousands of subscriptions, in however many events the change came.
        """
        if not self._written:
            asyncio.get_running_loop().call_soon(self._next_turn)
        self._written += self.deliver(change, horizon, self._written)

    def _next_turn(self) -> None:
        self._written = 0

    def deliver(self, change: Change, horizon: int, written: int = 0) -> int:
        """
        Delivers at once if that is little work, and no other change of this user waits; otherwise queues it.
        horizon: see Connection. written: frames that this turn has written already. Returns how many it
        writes now.
        """
        listeners = self._registry.listeners(change.user_id)
        if change.user_id not in self._waiting:
            frames = sum(len(connection.subscriptions) for connection in listeners)
            if written + frames <= TURN_FRAMES:
                for connection in listeners:
                    connection.deliver(change, horizon)
                return frames
        self._put(change.user_id, lambda each: each.deliver(change, horizon), listeners)
        return 0

    def deliver_missed(self, change: Change, horizon: int, tolerance: int) -> None:
        """Delivers what a pass found; the caller limits the pace. See Connection."""
        listeners = self._registry.listeners(change.user_id)
        if change.user_id in self._waiting:
            self._put(change.user_id, lambda each: each.deliver_missed(change, horizon, tolerance), listeners)
            return
        for connection in listeners:
            connection.deliver_missed(change, horizon, tolerance)

    async def written(self, users: Iterable[Key]) -> None:
        """Returns once everything that waits for these users now has been written."""
        last = [waiting[-1] for user_id in users if (waiting := self._waiting.get(user_id))]
        while self._writing and not all(each.over for each in last):  # noqa: ASYNC110 for some turns
            await asyncio.sleep(0)

    def _put(self, user_id: Key, tell: _Tell, listeners: Collection[Connection]) -> None:
        waiting = self._waiting.setdefault(user_id, deque())
        since = self._promised() // MICROSECONDS
        self._since[since] = self._since.get(since, 0) + 1
        waiting.append(_Waiting(tell, listeners, since))
        if not self._writing:
            self._writing = True
            self._spawn(self._write_all())
        if len(waiting) > WAITING_CHANGES:
            self._give_up(user_id)

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                written = 0
                for user_id in tuple(self._waiting):
                    written += self._write_some(user_id)
                    if written >= TURN_FRAMES:
                        written = 0
                        # Other tasks have their turn.
                        await asyncio.sleep(0)
                await asyncio.sleep(0)
        finally:
            # If it failed, the next change starts it again.
            self._writing = False

    def _write_some(self, user_id: Key) -> int:
        waiting = self._waiting.get(user_id, deque())
        written = 0
        while waiting and written < TURN_FRAMES:
            connection = next(waiting[0].listeners, None)
            if connection is None:
                self._end(waiting.popleft())
            elif connection.is_open:
                waiting[0].tell(connection)
                written += len(connection.subscriptions)
        if not waiting:
            self._waiting.pop(user_id, None)
        return written

    def _end(self, waiting: _Waiting) -> None:
        waiting.over = True
        self._since[waiting.since] -= 1
        if not self._since[waiting.since]:
            del self._since[waiting.since]

    def _give_up(self, user_id: Key) -> None:
        """The user's clients reconnect, and get from the tables what they missed."""
        for waiting in self._waiting.pop(user_id):
            self._end(waiting)
        for connection in self._registry.listeners(user_id):
            breaches.report("fan_out", f"closed a socket of user {user_id}, who has too many subscriptions")
            connection.close(protocol.TOO_SLOW, reconnect=True, code=TOO_SLOW)

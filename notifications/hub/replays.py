"""
A replay sends one client what it missed: read from the tables in pages, and sent as fast as the client reads.

However long it is, a replay holds only a few pages, keeps no thread while its client reads, and delays no
other client. What is published meanwhile is held back; if that becomes too much, it is dropped, and the
tables are read again for what changed since it began to be held.
"""

import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from itertools import islice

from ..changes.history import changes_since, microseconds_now
from ..conf import cable_settings
from ..ground.database import DatabaseThreads
from ..ground.metrics import metrics
from ..wire import protocol
from ..wire.connection_states import OVERFLOWED
from ..wire.payloads import Change, Key, RowKey
from ..wire.subscriptions import Subscription
from .catch_up import CatchUp
from .connection import BY_REPLAY, Connection
from .fan_out import FanOut
from .lately import still_true, true_when_told

logger = logging.getLogger(__name__)

# Changes that are written in one turn of the loop.
PAGE = 100
# A client that has not caught up after so many rounds cannot keep up.
ROUNDS = 5

# As subscriptions.Replayed.
Told = dict[RowKey, int]


class Reading:
    """
    start() raises what begin() does. begin(), and each page, runs on any of the threads. users: who receives
    the changes.
    """

    def __init__(
        self, threads: DatabaseThreads, users: Collection[Key], begin: Callable[[], Iterator[Change]]
    ) -> None:
        self._threads = threads
        self._users = users
        self._begin = begin
        self._iterator: Iterator[Change] = iter(())
        self._first: list[Change] = []
        self._failure: Exception | None = None

    async def start(self) -> None:
        self._first = await self._threads.run(self._first_page)

    async def pages(self) -> AsyncIterator[list[Change]]:
        page, self._first = self._first, []
        while page:
            # For rows that several users may see: this user may have lost some since they were read.
            yield await self.still_true(page)
            page = await self._threads.run(self._next_page)

    async def still_true(self, changes: list[Change]) -> list[Change]:
        return await still_true(self._threads.run, changes, self._users)

    def _first_page(self) -> list[Change]:
        self._iterator = self._begin()
        return list(islice(self._iterator, PAGE))

    def _next_page(self) -> list[Change]:
        # The threads retry a read whose connection was lost. But a generator that raised is exhausted, and
        # would return no more, as if the replay were complete.
        if self._failure is not None:
            raise self._failure
        try:
            return list(islice(self._iterator, PAGE))
        except Exception as exc:
            self._failure = exc
            raise


class Replays:
    def __init__(self, readers: DatabaseThreads, catch_up: CatchUp, fan_out: FanOut) -> None:
        self._readers = readers
        self._catch_up = catch_up
        self._fan_out = fan_out

    async def tell(
        self, connection: Connection, subscription: Subscription, reading: Reading, now: int
    ) -> Told:
        """
        now: a time before the reading started. Cursors never promise more than what had been committed then.
        Returns the latest changes that were sent, as many as may be held.
        """
        told: Told = {}
        async for page in reading.pages():
            self._catch_up.see(page)
            theirs, true = list(filter(subscription.concerns, page)), []
            async for change in true_when_told(theirs, reading.still_true):
                true.append(change)
                if connection.keeps(change):
                    continue
                connection.write_change(subscription, change, now, BY_REPLAY)
                await connection.written()
            if not connection.is_open:
                break
            _remember(told, true)
            metrics.count("replayed", len(true))
        return told

    async def settle(self, connection: Connection, subscription: Subscription, told: Told) -> None:
        """Sends what could not be held back, until nothing more is missing but what is held. Never raises."""
        try:
            for _ in range(ROUNDS):
                await self._ask_again(connection, subscription)
                # What the fan-out still has to write is held back too, and compared with what the tables had.
                await self._fan_out.written(connection.hears)
                if subscription.state is not OVERFLOWED or not connection.is_open:
                    return
                told |= await self._tell_overflow(connection, subscription)
        except Exception:
            logger.exception("could not read what user %s missed during a replay", connection.user_id)
            connection.close(protocol.REMOTE, reconnect=True)
            return
        if subscription.state is OVERFLOWED:
            connection.give_up("replay")

    async def _ask_again(self, connection: Connection, subscription: Subscription) -> None:
        """Checks what was held back: a replay may take minutes, and its user may have lost rows since."""
        if subscription.held:
            held = subscription.take_held()
            subscription.hold_first(await still_true(self._readers.run, held, connection.hears))

    async def _tell_overflow(self, connection: Connection, subscription: Subscription) -> Told:
        now = microseconds_now()
        since = subscription.read_again(now)
        reading = Reading(self._readers, connection.hears, lambda: changes_since(connection.hears, since))
        await reading.start()
        return await self.tell(connection, subscription, reading, now)


def _remember(told: Told, page: Iterable[Change]) -> None:
    """Remembers the latest, at most as many as may be held back: they are compared with those."""
    for change in page:
        told.pop(change.row, None)
        told[change.row] = change.position
    for row in list(islice(told, max(0, len(told) - cable_settings().replay_limit))):
        del told[row]

"""
The hub's certain path: what the connected clients should have heard and may not have, read from the tables.

What is owed is a position: everything changed since then. It stays owed until a pass over the tables has
succeeded, however often the database fails meanwhile.

Word of a revocation can be lost like any other. So whoever is to hear what was read is asked for their right
after the reading: what was committed after the end of a right is never delivered to it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from notifications.conf import cable_settings
from notifications.connection import Connection
from notifications.database import DatabaseStream
from notifications.history import MICROSECONDS, changes_since, microseconds_now, overlap
from notifications.metrics import metrics
from notifications.payloads import Change
from notifications.recent import RecentChanges
from notifications.registry import Registry

logger = logging.getLogger(__name__)

CHUNK = 500
RETRY_SECONDS = 1.0


class CatchUp:
    """
    reconciled: when the last complete pass began, in microseconds since the epoch. What was committed before
    was delivered. No cursor of a live frame goes beyond it: a client that is cut off after a live frame, and
    before the catch-up of an older change, would resume behind that change.
    revalidate closes those of some connections that have lost their right.
    """

    def __init__(
        self, registry: Registry, revalidate: Callable[[Iterable[Connection]], Awaitable[None]]
    ) -> None:
        self.reconciled = microseconds_now()
        self._registry = registry
        self._revalidate = revalidate
        self._reader = DatabaseStream("cable-catch-up")
        self._recent = RecentChanges()
        self._recent_turned = self.reconciled
        self._owed: int | None = None
        self._wake = asyncio.Event()

    def note(self, change: Change) -> bool:
        """It is about to be delivered on the fast path. Returns whether nothing newer is known."""
        return self._recent.note(change)

    def see(self, changes: Iterable[Change]) -> None:
        """A replay told them to one client: from now on the fast path brings nothing older."""
        # What is older than that is not on its way any more.
        lately = microseconds_now() - overlap()
        for change in changes:
            if change.position > lately:
                self._recent.see(change)

    def owe(self, position: int | None = None) -> None:
        """Deliver soon what changed since position (microseconds since the epoch), or since the last pass."""
        # Never less than since the last pass, whose place this one will take.
        since = self.reconciled if position is None else min(position, self.reconciled)
        self._owed = since if self._owed is None else min(self._owed, since)
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            position, self._owed = self._owed, None
            if position is None:
                continue
            try:
                await self._deliver_since(position)
            except Exception as exc:
                metrics.count("catch_up_failures")
                logger.warning("could not catch up, will retry: %s: %s", type(exc).__name__, exc)
                self.owe(position)
                await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        await self._reader.close()

    async def _deliver_since(self, position: int) -> None:
        started = microseconds_now()
        await self._revalidate(self._registry.connections)
        if users := self._registry.listened_users():
            async for chunk in self._reader.chunks(lambda: changes_since(users, position), CHUNK):
                if missed := [change for change in chunk if not self._recent.delivered(change)]:
                    await self._revalidate(self._listeners_of(missed))
                    self._deliver(missed)
        # Also if it is less: a clock that was set back must not blind the passes until it is there again.
        self.reconciled = started
        self._turn_recent(started)

    def _listeners_of(self, changes: Iterable[Change]) -> Iterable[Connection]:
        users = {change.user_id for change in changes}
        return [connection for user_id in users for connection in self._registry.listeners(user_id)]

    def _deliver(self, changes: Iterable[Change]) -> None:
        tolerance = overlap()
        for change in changes:
            # Again: the fast path may have brought it meanwhile.
            if self._recent.delivered(change) or not self._recent.note(change):
                continue
            metrics.count("caught_up")
            for connection in self._registry.listeners(change.user_id):
                connection.deliver_missed(change, self.reconciled, tolerance)

    def _turn_recent(self, now: int) -> None:
        """Remember for longer than a pass looks back."""
        keep = overlap() + int(cable_settings().reconcile_interval * 1.5 * MICROSECONDS)
        if abs(now - self._recent_turned) > keep:
            self._recent.turn()
            self._recent_turned = now

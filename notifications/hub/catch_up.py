"""
The hub's certain path: reads from the tables the changes that the connected clients may have missed.

Owed is everything committed since the last complete pass over the tables began (`reconciled`). It stays owed
until a pass has succeeded, however often the database fails meanwhile.

The message about a revocation can be lost like any other. So the rights of the receiving clients are checked
after the read: a change that was committed after the end of a right is never delivered to its client.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from ..changes.history import changes_since, microseconds_now, overlap, reach
from ..changes.recent import RecentChanges
from ..changes.resources import monotonic_resources
from ..conf import cable_settings
from ..ground.database import DatabaseStream
from ..ground.metrics import metrics
from ..wire.payloads import Change
from ..wire.positions import MICROSECONDS
from .connection import Connection
from .fan_out import FanOut
from .lately import still_true, true_when_told
from .patience import Patience
from .registry import Registry

logger = logging.getLogger(__name__)

CHUNK = 500
RETRY_SECONDS = 1.0
# In microseconds. Smaller steps are NTP's, and covered by the overlap.
SET_BACK = MICROSECONDS // 10


class CatchUp:
    """
    reconciled: when the last complete pass began, in microseconds since the epoch. Changes committed before
    it have been delivered: the first pass that began after a commit has found the change, since the pass
    before it had begun earlier than the commit, and a read starts one overlap before that.
    fan_out: of the fast path, whose order passes keep.
    revalidate: closes those of the given connections that have lost their right. may_forget: whether changes
    that were delivered long ago can no longer arrive again.
    """

    def __init__(
        self,
        registry: Registry,
        fan_out: FanOut,
        revalidate: Callable[[Iterable[Connection]], Awaitable[None]],
        may_forget: Callable[[], bool] = lambda: True,
    ) -> None:
        self.reconciled = microseconds_now()
        self._reconciled_at = time.monotonic()
        self._registry = registry
        self._fan_out = fan_out
        self._revalidate = revalidate
        self._may_forget = may_forget
        self._reader = DatabaseStream("cable-catch-up")
        self._recent = RecentChanges(monotonic_resources())
        self._recent_turned = self.reconciled
        self._wake = asyncio.Event()

    @property
    def promised(self) -> int:
        """The latest position that passes allow (positions.py), in microseconds."""
        return reach().horizon(self.reconciled, microseconds_now())

    @property
    def horizon(self) -> int:
        """The latest position that a client may be given now, given the passes and the changes that wait."""
        promised, waiting = self.promised, self._fan_out.horizon
        return promised if waiting is None else min(promised, waiting)

    @property
    def age(self) -> float:
        """Seconds since the last complete pass began, by the monotonic clock."""
        return time.monotonic() - self._reconciled_at

    @property
    def abandoned(self) -> int:
        return self._reader.abandoned

    def note(self, change: Change) -> bool:
        """The change is about to be delivered on the fast path. Returns False if it is proved to be known."""
        return self._recent.note(change)

    def is_told(self, change: Change) -> bool:
        """Whether this process has already delivered it, perhaps by a pass."""
        return self._recent.delivered(change)

    def see(self, changes: Iterable[Change]) -> None:
        """
        A replay sent these to one client: the fast path then delivers nothing that is proved to be older.
        """
        # Older changes can no longer be on their way.
        lately = microseconds_now() - overlap()
        for change in changes:
            if change.position > lately:
                self._recent.see(change)

    def owe(self) -> None:
        """
        Deliver soon what was committed since the last complete pass began.

        Also after a gap, however long ago messages began to be lost: a pass reads the tables and relies on no
        message, so it delivered what was committed before it began, gap or not. What was committed later is
        owed, even if its message was sent before the gap and lost by another fault.
        """
        self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._pass()
            except Exception as exc:
                metrics.count("catch_up_failures")
                logger.warning("could not catch up, will retry: %s: %s", type(exc).__name__, exc)
                self.owe()
                await asyncio.sleep(RETRY_SECONDS)

    async def close(self) -> None:
        await self._reader.close()

    async def _pass(self) -> None:
        started, began = microseconds_now(), time.monotonic()
        self._heed_the_clock(started, began)
        certain = reach().certain_of_pass(self.reconciled, started)
        patience = Patience()
        await self._revalidate(self._registry.connections)
        if users := self._registry.listened_users():
            async for chunk in self._reader.chunks(lambda: changes_since(users, certain), CHUNK):
                if missed := [change for change in chunk if not self._recent.delivered(change)]:
                    await self._deliver(await self.still_true(missed), started, patience)
        # Also if it is smaller: after the clock was set back, passes must not miss changes until it has
        # caught up.
        self.reconciled, self._reconciled_at = started, began
        self._turn_recent(started)

    def _heed_the_clock(self, started: int, began: float) -> None:
        """
        If the clock was set back, subscriptions begin in the future, and would be owed nothing until then.
        started, began: of a pass that began after they did.
        """
        passed = (began - self._reconciled_at) * MICROSECONDS
        if passed - (started - self.reconciled) < SET_BACK:
            return
        for connection in self._registry.connections:
            for subscription in connection.subscriptions:
                subscription.started = min(subscription.started, started)

    async def still_true(self, changes: list[Change]) -> list[Change]:
        """
        The changes without those of rows that their users have lost since they were read or committed (only
        rows that several users may see). Also closes the connections whose right has ended. Raises what the
        database does.
        """
        await self._revalidate(self._listeners_of(changes))
        return await still_true(self._reader.read, changes, self._registry.listened_users())

    def _listeners_of(self, changes: Iterable[Change]) -> Iterable[Connection]:
        users = {change.user_id for change in changes}
        return [connection for user_id in users for connection in self._registry.listeners(user_id)]

    async def _deliver(self, changes: list[Change], started: int, patience: Patience) -> None:
        """
        started: when the pass began. A pass delivers in the order of positions. So after each frame only
        changes with a later position, or committed since, are missing: a position up to `started` proves the
        same as in a replay.
        """
        tolerance = overlap()
        async for change in true_when_told(changes, self.still_true):
            await patience.before_telling(self._registry.listeners(change.user_id))
            # Checked again: the fast path may have delivered it meanwhile.
            if self._recent.delivered(change) or not self._recent.note(change):
                continue
            metrics.count("caught_up")
            self._fan_out.deliver_missed(change, started, tolerance)

    def _turn_recent(self, now: int) -> None:
        """
        Remembers changes for longer than a pass looks back. While Redis is down, remembers all that passes
        deliver (up to the limit of RecentChanges), since it waits in the queues of publishers as well.
        """
        keep = overlap() + int(cable_settings().reconcile_interval * 1.5 * MICROSECONDS)
        if abs(now - self._recent_turned) > keep and self._may_forget():
            self._recent.turn()
            self._recent_turned = now

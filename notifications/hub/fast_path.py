"""
The fast path: delivers the broker's events to the connections that listen, unless they are known to have
them.

An event may be delayed: by its publisher, while Redis was down, or by a process that was frozen. Who may see
its rows was checked when they were committed. For a delayed event it is checked again before delivery.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from django.db import Error as DatabaseError

from ..broker.events import changes_of, changes_of_shared
from ..changes.telling import is_checked
from ..ground.database import DatabaseUnavailable
from ..ground.limits import seldom
from ..ground.metrics import metrics
from ..wire.payloads import Change
from .catch_up import CHUNK, RETRY_SECONDS, CatchUp
from .fan_out import FanOut
from .lately import LATELY_SECONDS
from .registry import Registry

logger = logging.getLogger(__name__)

# Late changes that wait for the check. Beyond that, passes deliver those that the tables hold.
KEPT = 10_000


class FastPath:
    """
    in_gap: whether messages may be missing now. The first messages that waited for Redis arrive before the
    canary's echo shows that Redis is back. spawn: runs a coroutine as a task of the hub.
    """

    def __init__(
        self,
        registry: Registry,
        catch_up: CatchUp,
        fan_out: FanOut,
        in_gap: Callable[[], bool],
        spawn: Callable[..., object],
    ) -> None:
        self._in_gap = in_gap
        self._registry = registry
        self._catch_up = catch_up
        self._fan_out = fan_out
        self._spawn = spawn
        self._gap_ended_at = 0.0
        # Each with whether it waited for Redis.
        self._kept: deque[tuple[Change, bool]] = deque()
        self._asking = False

    def gap_ended(self) -> None:
        """Until now messages may have been lost, or delayed by their publisher."""
        self._gap_ended_at = time.time()

    def tell(self, event: dict[str, Any]) -> None:
        """event: an events.changes_event."""
        self._tell(changes_of(event), event["at"], self._fan_out.deliver)

    def tell_shared(self, event: dict[str, Any]) -> None:
        """event: an events.shared_event. With thousands of users, each turn of the loop delivers to some."""
        listening = self._registry.listening_among(event["users"])
        changes = changes_of_shared(event, listening) if listening else ()
        self._tell(changes, event["at"], self._fan_out.deliver_to_one_of_many)

    def _tell(self, changes: Iterable[Change], at: float, deliver: Callable[[Change, int], object]) -> None:
        horizon = self._catch_up.horizon
        waited = at < self._gap_ended_at or self._in_gap()
        late = waited or time.time() - at > LATELY_SECONDS
        for change in changes:
            if late and is_checked(change):
                self._keep(change, waited)
            elif self._is_news(change, waited):
                deliver(change, horizon)
        metrics.commit_to_socket.observe(int((time.time() - at) * 1e6))

    def _is_news(self, change: Change, waited: bool) -> bool:
        # Passes may have delivered a change while it waited for Redis in a publisher's queue. Any other
        # change is delivered again: a row may be saved without a new version.
        if (waited and self._catch_up.is_told(change)) or not self._catch_up.note(change):
            metrics.count("stale")
            return False
        return True

    # Late changes

    def _keep(self, change: Change, waited: bool) -> None:
        if not self._registry.listeners(change.user_id):
            return
        self._kept.append((change, waited))
        if not self._asking:
            self._asking = True
            self._spawn(self._tell_kept())
        if len(self._kept) > KEPT:
            self._leave_to_passes()

    def _leave_to_passes(self) -> None:
        """What no table holds is lost: after an outage it is not promised."""
        self._kept.clear()
        self._catch_up.owe()
        if (also := seldom.left_out("kept")) is not None:
            logger.warning("more than %d late changes wait to be asked for: passes tell them%s", KEPT, also)

    async def _tell_kept(self) -> None:
        try:
            while self._kept:
                some = [self._kept.popleft() for _ in range(min(CHUNK, len(self._kept)))]
                for waited in (True, False):
                    changes = await self._still_true([change for change, each in some if each is waited])
                    horizon = self._catch_up.horizon
                    for change in changes:
                        if self._is_news(change, waited):
                            self._fan_out.deliver_to_one_of_many(change, horizon)
        finally:
            # If it was cancelled, the next change starts it again.
            self._asking = False

    async def _still_true(self, changes: list[Change]) -> list[Change]:
        """
        As CatchUp's, repeated until the database answers; other late changes wait in the queue meanwhile.
        """
        while changes:
            try:
                return await self._catch_up.still_true(changes)
            except (DatabaseError, DatabaseUnavailable) as exc:
                if (also := seldom.left_out("late")) is not None:
                    logger.warning("could not ask who may see late changes, will retry: %s%s", exc, also)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                # For example in a rule of the project: it would fail each time, and without its answer
                # nothing may be delivered.
                logger.exception("could not ask who may see late changes: passes tell what the tables hold")
                self._catch_up.owe()
                break
        return []

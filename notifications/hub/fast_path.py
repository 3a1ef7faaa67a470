"""
The fast path: what the broker brings is told to those who listen, unless they are known to have it.
"""

import time
from collections.abc import Callable
from typing import Any

from ..broker.events import changes_of, changes_of_shared
from ..ground.metrics import metrics
from ..wire.payloads import Change
from .catch_up import CatchUp
from .fan_out import FanOut
from .registry import Registry


class FastPath:
    """
    in_gap: whether messages may be missing now. The first of those that waited for Redis arrive before the
    canary's echo says that it is back.
    """

    def __init__(
        self, registry: Registry, catch_up: CatchUp, fan_out: FanOut, in_gap: Callable[[], bool]
    ) -> None:
        self._in_gap = in_gap
        self._registry = registry
        self._catch_up = catch_up
        self._fan_out = fan_out
        self._gap_ended_at = 0.0

    def gap_ended(self) -> None:
        """Until now messages may have been lost, or kept by their publisher."""
        self._gap_ended_at = time.time()

    def tell(self, event: dict[str, Any]) -> None:
        """event: an events.changes_event."""
        horizon = self._catch_up.horizon
        for change in changes_of(event):
            if self._is_news(change, event):
                self._fan_out.deliver(change, horizon)
        metrics.commit_to_socket.observe(int((time.time() - event["at"]) * 1e6))

    def tell_shared(self, event: dict[str, Any]) -> None:
        """event: an events.shared_event. Of thousands of users, a turn of the loop tells some."""
        horizon = self._catch_up.horizon
        listening = self._registry.listening_among(event["users"])
        for change in changes_of_shared(event, listening) if listening else ():
            if self._is_news(change, event):
                self._fan_out.deliver_to_one_of_many(change, horizon)
        metrics.commit_to_socket.observe(int((time.time() - event["at"]) * 1e6))

    def _is_news(self, change: Change, event: dict[str, Any]) -> bool:
        # What waited for Redis in the queue of a publisher, the passes may have told meanwhile. Otherwise it
        # is told again: a row may be saved without a new version.
        late = event["at"] < self._gap_ended_at or self._in_gap()
        if (late and self._catch_up.is_told(change)) or not self._catch_up.note(change):
            metrics.count("stale")
            return False
        return True

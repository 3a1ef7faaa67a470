"""
The groups that sockets of this process want to hear of: which, who waits for a join, and who counted on one
before it was proved.
"""

import asyncio
from collections.abc import Collection, Iterable


class Groups:
    """wanted: the groups to be in. always: those of the process itself, which nobody leaves."""

    def __init__(self, always: Iterable[str]) -> None:
        self.wanted = set(always)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        # Groups whose join was reported before it was proved → when, in seconds since the epoch.
        self._unproved: dict[str, float] = {}

    @property
    def waiting(self) -> Collection[str]:
        """Groups whose join somebody waits for."""
        return self._waiting.keys()

    def joined(self, group: str) -> "asyncio.Future[None]":
        """Done when the group is joined, or nobody knows when it will be."""
        return self._waiting.setdefault(group, asyncio.get_running_loop().create_future())

    def resolve(self, groups: Iterable[str]) -> None:
        """Let those go on who wait for one of them."""
        for group in tuple(groups):
            future = self._waiting.pop(group, None)
            if future is not None and not future.done():
                future.set_result(None)

    def count_on(self, group: str, since: float) -> None:
        """Somebody goes on as if it were joined. since: seconds since the epoch."""
        self._unproved.setdefault(group, since)

    def proved(self, groups: Iterable[str]) -> float | None:
        """They are joined. Since when somebody counted on one of them: what came between may be missing."""
        since = [self._unproved.pop(group) for group in groups if group in self._unproved]
        return min(since, default=None)

    def begin_again(self, missing: Iterable[str], now: float) -> None:
        """A new session: those who count on the groups that it has not joined wait for it."""
        self._unproved.clear()
        for group in missing:
            self.joined(group)
            self.count_on(group, now)

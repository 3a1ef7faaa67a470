"""
The groups that the sockets of this process need: which ones, which joins are awaited, and which were counted
on before they were proved.
"""

import asyncio
from collections.abc import Collection, Iterable


class Groups:
    """wanted: the groups to be in. always: the groups of the process itself, which it never leaves."""

    def __init__(self, always: Iterable[str]) -> None:
        self.wanted = set(always)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        # Groups whose join was reported before it was proved → when, in seconds since the epoch.
        self._unproved: dict[str, float] = {}

    @property
    def waiting(self) -> Collection[str]:
        """Groups whose join is awaited."""
        return self._waiting.keys()

    def joined(self, group: str) -> "asyncio.Future[None]":
        """Done when the group is joined, or when it is unknown how long that will take."""
        return self._waiting.setdefault(group, asyncio.get_running_loop().create_future())

    def resolve(self, groups: Iterable[str]) -> None:
        """Ends the waits for these groups."""
        for group in tuple(groups):
            future = self._waiting.pop(group, None)
            if future is not None and not future.done():
                future.set_result(None)

    def count_on(self, group: str, since: float) -> None:
        """A caller continues as if the group were joined. since: seconds since the epoch."""
        self._unproved.setdefault(group, since)

    def proved(self, groups: Iterable[str]) -> float | None:
        """
        The groups are joined. Returns since when a caller counted on one of them before that: messages since
        then may be missing. None if no caller did.
        """
        since = [self._unproved.pop(group) for group in groups if group in self._unproved]
        return min(since, default=None)

    def begin_again(self, missing: Iterable[str], now: float) -> None:
        """A new session has begun: the groups that it has not joined are awaited, and counted on from now."""
        self._unproved.clear()
        for group in missing:
            self.joined(group)
            self.count_on(group, now)

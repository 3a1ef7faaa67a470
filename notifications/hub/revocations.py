"""
The revocations of the last seconds: one may overtake the handshake that it concerns. Pure: it reads no clock.
"""

from collections import deque
from collections.abc import Iterable

from ..wire.payloads import Key

# Longer than a handshake takes.
MEMORY_SECONDS = 30.0
_EVERY_KEY = None


class Revocations:
    """
    By user and key, so that a handshake looks up its own instead of searching all. now, since: seconds of a
    monotonic clock.
    """

    def __init__(self) -> None:
        # The last revocation of each key of each user; and all of them in the order of time, to be forgotten.
        self._at: dict[Key, dict[str | None, float]] = {}
        self._order: deque[tuple[float, Key, str | None]] = deque()

    def __len__(self) -> int:
        return len(self._order)

    def add(self, user_id: Key, keys: Iterable[str] | None, now: float) -> None:
        """keys: those that were revoked, or None for every key of the user."""
        self._forget(now)
        for key in (_EVERY_KEY,) if keys is None else keys:
            self._at.setdefault(user_id, {})[key] = now
            self._order.append((now, user_id, key))

    def concern(self, user_id: Key, key: str, since: float) -> bool:
        """Whether this key of the user was revoked at that time or later."""
        theirs = self._at.get(user_id, {})
        return any(theirs.get(each, since - 1) >= since for each in (_EVERY_KEY, key))

    def _forget(self, now: float) -> None:
        while self._order and self._order[0][0] < now - MEMORY_SECONDS:
            at, user_id, key = self._order.popleft()
            theirs = self._at.get(user_id, {})
            if theirs.get(key) == at:
                del theirs[key]
            if not theirs:
                self._at.pop(user_id, None)

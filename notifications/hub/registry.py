"""
The connections of this process, which streams they listen to, and when their rights end. Pure: no I/O.
"""

import heapq
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ..wire.payloads import Key
from .connection import Connection

# The heap is built anew when its entries of connections that ended before their right outnumber the others by
# this.
LEFTOVERS = 1_000


class Registry:
    """A connection is in it from its welcome to its end; it listens while it holds a subscription."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self._by_user: dict[Key, set[Connection]] = {}
        self._listeners: dict[Key, set[Connection]] = {}
        self._expiring: dict[int, set[Connection]] = {}
        # The keys of _expiring, the next first. Those of connections that ended stay until they come up.
        self._quarters: list[int] = []

    def __contains__(self, connection: Connection) -> bool:
        return connection in self.connections

    def __len__(self) -> int:
        return len(self.connections)

    def add(self, connection: Connection) -> None:
        self.connections.add(connection)
        self._by_user.setdefault(connection.user_id, set()).add(connection)
        if connection.admission.expires_at is not None:
            self._expect_end(connection, _quarter(connection.admission.expires_at))

    def remove(self, connection: Connection) -> None:
        self.connections.discard(connection)
        _discard(self._by_user, connection.user_id, connection)
        self.stop_listening(connection)
        if connection.admission.expires_at is not None:
            _discard(self._expiring, _quarter(connection.admission.expires_at), connection)

    def count_of_user(self, user_id: Key) -> int:
        return len(self._by_user.get(user_id, ()))

    def of_user(self, user_id: Key) -> Sequence[Connection]:
        return tuple(self._by_user.get(user_id, ()))

    def users(self) -> Collection[Key]:
        return self._by_user.keys()

    # Listening

    def listen(self, connection: Connection) -> None:
        for key in connection.hears:
            self._listeners.setdefault(key, set()).add(connection)

    def stop_listening(self, connection: Connection) -> None:
        for key in connection.hears:
            _discard(self._listeners, key, connection)

    def has_listeners(self, user_id: Key) -> bool:
        return user_id in self._listeners

    def listening_among(self, users: Iterable[Key]) -> list[Key]:
        listened = self._listeners
        return [user for user in users if user in listened]

    def listeners(self, user_id: Key) -> Sequence[Connection]:
        return tuple(self._listeners.get(user_id, ()))

    def listened_users(self) -> Sequence[Key]:
        return tuple(self._listeners)

    # Expiry

    def _expect_end(self, connection: Connection, quarter: int) -> None:
        if quarter not in self._expiring:
            heapq.heappush(self._quarters, quarter)
        self._expiring.setdefault(quarter, set()).add(connection)
        if len(self._quarters) > 2 * len(self._expiring) + LEFTOVERS:
            self._quarters = sorted(self._expiring)

    def expire(self, now: float) -> Iterable[Connection]:
        """
        The connections whose right has ended and that were not returned before, even if the clock was set
        meanwhile. now: seconds since the epoch, precise to a quarter of a second.
        """
        ended: list[Connection] = []
        while self._quarters and self._quarters[0] < _quarter(now):
            ended += self._expiring.pop(heapq.heappop(self._quarters), ())
        return ended


def _quarter(at: float) -> int:
    """Quarters of a second since the epoch."""
    return int(at * 4)


def _discard(index: dict[Any, set[Connection]], key: Any, connection: Connection) -> None:
    members = index.get(key)
    if members is not None:
        members.discard(connection)
        if not members:
            del index[key]

"""
Who is connected to this process, who listens to a stream, and whose right ends when. Pure: no I/O.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from notifications.connection import Connection
from notifications.payloads import Key


class Registry:
    """A connection is in it from its welcome to its end; it listens while it holds a subscription."""

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self._by_user: dict[Key, set[Connection]] = {}
        self._listeners: dict[Key, set[Connection]] = {}
        self._expiring: dict[int, set[Connection]] = {}
        self._expired = 0

    def __contains__(self, connection: Connection) -> bool:
        return connection in self.connections

    def __len__(self) -> int:
        return len(self.connections)

    def add(self, connection: Connection) -> None:
        self.connections.add(connection)
        self._by_user.setdefault(connection.user_id, set()).add(connection)
        if connection.admission.expires_at is not None:
            self._expiring.setdefault(_quarter(connection.admission.expires_at), set()).add(connection)

    def remove(self, connection: Connection) -> None:
        self.connections.discard(connection)
        _discard(self._by_user, connection.user_id, connection)
        _discard(self._listeners, connection.user_id, connection)
        if connection.admission.expires_at is not None:
            _discard(self._expiring, _quarter(connection.admission.expires_at), connection)

    def of_user(self, user_id: Key) -> Sequence[Connection]:
        return tuple(self._by_user.get(user_id, ()))

    def users(self) -> Collection[Key]:
        return self._by_user.keys()

    # Listening

    def listen(self, connection: Connection) -> None:
        self._listeners.setdefault(connection.user_id, set()).add(connection)

    def stop_listening(self, connection: Connection) -> None:
        _discard(self._listeners, connection.user_id, connection)

    def has_listeners(self, user_id: Key) -> bool:
        return user_id in self._listeners

    def listeners(self, user_id: Key) -> Sequence[Connection]:
        return tuple(self._listeners.get(user_id, ()))

    def listened_users(self) -> Sequence[Key]:
        return tuple(self._listeners)

    # Expiry

    def expire(self, now: float) -> Iterable[Connection]:
        """
        Those whose right ended since the last call. now: seconds since the epoch; exact to a quarter of one.
        """
        current = _quarter(now) - 1
        first = self._expired + 1 if self._expired else current
        self._expired = max(self._expired, current)
        return [
            connection
            for quarter in range(first, current + 1)
            for connection in tuple(self._expiring.get(quarter, ()))
        ]


def _quarter(at: float) -> int:
    """Quarters of a second since the epoch."""
    return int(at * 4)


def _discard(index: dict[Any, set[Connection]], key: Any, connection: Connection) -> None:
    members = index.get(key)
    if members is not None:
        members.discard(connection)
        if not members:
            del index[key]

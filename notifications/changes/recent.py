"""
Remembers the changes delivered lately, so that a catch-up does not repeat the fast path, and the fast path
delivers nothing older than what was read from the tables. Pure: it reads no clock.

A change is left out only if it is proved to be known. If the update time of a resource is monotonic per row,
a version is known as soon as it or a later one was delivered. Otherwise (auto_now, several servers) a later
time proves nothing: a version is known if this very version was delivered. A change that no table holds has
no version: it is always delivered.
"""

from collections.abc import Container

from ..wire.payloads import CREATE, DESTROY, Change, Key, RowKey

# A row, or one version of it: the position comes last.
_Known = RowKey | tuple[Key, str, Key, str, int]

# Entries of one generation. A change that is forgotten too early is only repeated.
LIMIT = 100_000


class _Positions:
    """
    Key (user, row, action) → the latest position. Two generations: what was not touched between two turns is
    forgotten, so that memory is bounded by what changes in two of them, and by two times the limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._young: dict[_Known, int] = {}
        self._old: dict[_Known, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, row: _Known) -> int:
        """0 if it is not remembered."""
        return self._young.get(row) or self._old.get(row, 0)

    def put(self, row: _Known, position: int) -> None:
        if len(self._young) >= self._limit:
            self.turn()
        self._young[row] = position

    def turn(self) -> None:
        self._old, self._young = self._young, {}


class RecentChanges:
    """monotonic: the names of the resources whose update time is."""

    def __init__(self, monotonic: Container[str], limit: int = LIMIT) -> None:
        self._monotonic = monotonic
        self._delivered = _Positions(limit)
        self._seen = _Positions(limit)
        self._gone = _Positions(limit)

    def __len__(self) -> int:
        return len(self._delivered) + len(self._seen) + len(self._gone)

    def delivered(self, change: Change) -> bool:
        """
        Whether this version was delivered, be it by the create of its row; or a later one, if that proves it.

        As long as it is asked for, it is not forgotten.
        """
        if not change.is_in_tables:
            return False
        for known in self._what_proves(change):
            position = self._delivered.get(known)
            if position >= change.position:
                self._delivered.put(known, position)
                return True
        return False

    def _what_proves(self, change: Change) -> tuple[_Known, ...]:
        if change.action == DESTROY:
            return ((*change.row, change.position),)
        # A row is created once, so its create is known, whatever its time.
        if change.resource in self._monotonic or change.action == CREATE:
            return (change.row, change.creation)
        return ((*change.row, change.position), (*change.creation, change.position))

    def note(self, change: Change) -> bool:
        """
        Records that it is delivered. Returns False, and records nothing, if a later version is known, or if
        its user has lost the row since, or got it again: what was published before may arrive later than what
        was read from the tables.
        """
        if change.action == DESTROY:
            # A clock that is monotonic may run ahead: a later time proves nothing then.
            if change.resource not in self._monotonic and self._delivered.get(change.creation) > change.time:
                return False
            self._gone.put(change.creation, max(change.position, self._gone.get(change.creation)))
        elif len(self._gone) and self._gone.get(change.creation) > change.time:
            return False
        if not change.is_in_tables:
            return True
        if change.resource in self._monotonic and change.action != DESTROY:
            if max(self._delivered.get(change.row), self._seen.get(change.row)) > change.position:
                return False
            self._delivered.put(change.row, change.position)
            return True
        self._delivered.put((*change.row, change.position), change.position)
        if change.action == CREATE:
            self._delivered.put(change.row, max(change.position, self._delivered.get(change.row)))
        return True

    def see(self, change: Change) -> None:
        """It was read from the tables and sent to one client; the others are still owed it."""
        if change.action == DESTROY:
            self._gone.put(change.creation, max(change.position, self._gone.get(change.creation)))
        if change.resource in self._monotonic:
            self._seen.put(change.row, max(change.position, self._seen.get(change.row)))

    def turn(self) -> None:
        self._delivered.turn()
        self._seen.turn()
        self._gone.turn()

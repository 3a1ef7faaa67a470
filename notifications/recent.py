"""
What is known of rows that changed lately, so that a catch-up does not repeat the fast path, and the fast path
brings nothing older than what the tables said already. Pure: it reads no clock.
"""

from notifications.payloads import Change, Key

_Row = tuple[str, str, Key]
# Rows of one generation. What is forgotten too early is only repeated.
LIMIT = 100_000


class _Positions:
    """
    Row and action → the latest position. Two generations: what was not touched between two turns is
    forgotten, so that memory is bounded by what changes in two of them, and by two times the limit.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._young: dict[_Row, int] = {}
        self._old: dict[_Row, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, row: _Row) -> int:
        """0 if it is not remembered."""
        return self._young.get(row) or self._old.get(row, 0)

    def put(self, row: _Row, position: int) -> None:
        if len(self._young) >= self._limit:
            self.turn()
        self._young[row] = position

    def turn(self) -> None:
        self._old, self._young = self._young, {}


class RecentChanges:
    def __init__(self, limit: int = LIMIT) -> None:
        self._delivered = _Positions(limit)
        self._seen = _Positions(limit)

    def __len__(self) -> int:
        return len(self._delivered) + len(self._seen)

    def delivered(self, change: Change) -> bool:
        """
        Whether this version or a later one was, be it by the create of its row.

        As long as it is asked for, it is not forgotten.
        """
        for row in (change.row, change.creation):
            position = self._delivered.get(row)
            if position >= change.position:
                self._delivered.put(row, position)
                return True
        return False

    def note(self, change: Change) -> bool:
        """It is delivered. False, and nothing is changed, if a later version is known."""
        row = change.row
        if max(self._delivered.get(row), self._seen.get(row)) > change.position:
            return False
        self._delivered.put(row, change.position)
        return True

    def see(self, change: Change) -> None:
        """The tables say so, and some client was told; the others are still owed it."""
        self._seen.put(change.row, max(change.position, self._seen.get(change.row)))

    def turn(self) -> None:
        self._delivered.turn()
        self._seen.turn()

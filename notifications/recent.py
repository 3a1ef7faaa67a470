"""
What was delivered lately, so that a catch-up does not repeat the fast path. Pure: it reads no clock.
"""

from notifications.payloads import Change, Key

_Row = tuple[str, str, Key]


class RecentChanges:
    """
    Row and action → the latest position delivered. Two generations: what was not touched between two turns is
    forgotten, so that memory is bounded by what changes in two of them.
    """

    def __init__(self) -> None:
        self._young: dict[_Row, int] = {}
        self._old: dict[_Row, int] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def position(self, row: _Row) -> int:
        """0 if it is not remembered."""
        return self._young.get(row) or self._old.get(row, 0)

    def note(self, change: Change) -> bool:
        """Remember it. False, and nothing is changed, if a later version was delivered already."""
        row = change.row
        if self.position(row) > change.position:
            return False
        self._young[row] = change.position
        return True

    def turn(self) -> None:
        self._old, self._young = self._young, {}

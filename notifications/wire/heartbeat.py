"""
A timer wheel: spreads a recurring task of many members over its period. Pure: it reads no clock.

4,000 pings in one turn of the event loop cost 490 ms at the 99th percentile; spread over slots, 6 to 9 ms.
"""

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class TimerWheel(Generic[T]):
    """Each member comes due once in `slots` advances."""

    def __init__(self, slots: int) -> None:
        self._slots: list[set[T]] = [set() for _ in range(slots)]
        self._hand = 0

    def __len__(self) -> int:
        return sum(map(len, self._slots))

    def add(self, member: T, fraction: float) -> int:
        """
        fraction: of the period until it first comes due, in [0, 1). Returns the slot, to remove it by.
        """
        slots = len(self._slots)
        slot = (self._hand + 1 + int(fraction * slots)) % slots
        self._slots[slot].add(member)
        return slot

    def remove(self, member: T, slot: int) -> None:
        self._slots[slot].discard(member)

    def advance(self) -> Iterable[T]:
        """Moves one slot further. Returns the members that are due now."""
        self._hand = (self._hand + 1) % len(self._slots)
        return tuple(self._slots[self._hand])

"""
Which orders were carried out. An order comes by two ways (from this process itself, and through Redis), and a
publisher that had no answer of Redis sends it again: whoever came back after it must not be closed once more.
Pure.
"""

from collections.abc import Callable

# Orders remembered, 1 MB of them. Who disconnects many users in the admin gives thousands, which this process
# gets at once and then, one after the other, through Redis.
REMEMBERED = 10_000


class CarriedOut:
    def __init__(self) -> None:
        self._closed: dict[str, int] = {}

    def once(self, order: str | None, carry_out: Callable[[], int]) -> int:
        """
        order: its name; None if it has none, and is carried out each time. Returns what carry_out returned
        the first time.
        """
        if order is None:
            return carry_out()
        if order not in self._closed:
            self._closed[order] = carry_out()
            if len(self._closed) > REMEMBERED:
                del self._closed[next(iter(self._closed))]
        return self._closed[order]

"""
Remembers which orders were carried out. An order arrives by two ways (from this process itself, and through
Redis), and a publisher without an answer of Redis sends it again: a client that reconnected after the order
must not be disconnected again. Pure.
"""

from collections.abc import Callable

# Orders remembered, 1 MB of them. Disconnecting many users in the admin gives thousands, which this process
# gets at once and then, one after the other, through Redis.
REMEMBERED = 10_000


class CarriedOut:
    def __init__(self) -> None:
        self._closed: dict[str, int] = {}

    def once(self, order: str | None, carry_out: Callable[[], int]) -> int:
        """
        order: its name. None: it has no name, and is carried out each time. Returns what carry_out returned
        the first time.
        """
        if order is None:
            return carry_out()
        if order not in self._closed:
            self._closed[order] = carry_out()
            if len(self._closed) > REMEMBERED:
                del self._closed[next(iter(self._closed))]
        return self._closed[order]

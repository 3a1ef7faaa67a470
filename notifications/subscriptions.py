"""
Which identifiers one connection holds. Pure: no I/O.

A subscription is pending from the moment the command arrives, so that its repetitions are ignored, and
live once it is confirmed. What is published meanwhile is held back.
"""

from collections.abc import Iterator, Mapping

from notifications import protocol
from notifications.payloads import CREATE, Change, Key


class AlreadySubscribed(Exception):
    """Ignored: a second confirm makes AnyCable's client unsubscribe."""


class TooManySubscriptions(Exception):
    pass


# Row and action → the position that a replay told.
Replayed = Mapping[tuple[str, str, Key], int]


def _is_told(change: Change, replayed: Replayed) -> bool:
    """A row is created once: one that the tables knew, told with its creation time, is the same create."""
    if change.action == CREATE:
        return change.row in replayed
    return replayed.get(change.row, 0) >= change.position


class Subscription:
    """
    started: when it began, in microseconds since the epoch; a catch-up owes it nothing older (minus overlap).
    cursor: the last offset sent on it; the next is greater.
    held: what was published while it was not live; None when live.
    """

    __slots__ = ("cursor", "head", "held", "identifier", "started")

    def __init__(self, identifier: str, started: int) -> None:
        self.identifier = identifier
        self.head = protocol.message_head(identifier)
        self.started = started
        self.cursor = 0
        self.held: list[Change] | None = []

    def hold(self) -> None:
        if self.held is None:
            self.held = []

    def release(self, replayed: Replayed) -> list[Change]:
        """From now on it is live; returns what was held back and not replayed."""
        held, self.held = self.held or [], None
        return [change for change in held if not _is_told(change, replayed)]

    def next_offset(self, position: int, now: int) -> int:
        """
        The cursor for a frame: the row's position, but never later than now (all that was committed before it
        was sent, and a row saved often runs ahead of every clock), and always greater than the last, so that
        a resume never skips. Both in microseconds since the epoch.
        """
        self.cursor = max(self.cursor + 1, min(position, now))
        return self.cursor


class Subscriptions:
    __slots__ = ("_by_identifier", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._by_identifier: dict[str, Subscription] = {}

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._by_identifier

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._by_identifier.values())

    def __len__(self) -> int:
        return len(self._by_identifier)

    def get(self, identifier: str) -> Subscription | None:
        return self._by_identifier.get(identifier)

    def add(self, identifier: str, started: int) -> Subscription:
        """Raises AlreadySubscribed or TooManySubscriptions."""
        if identifier in self._by_identifier:
            raise AlreadySubscribed
        if len(self._by_identifier) >= self._limit:
            raise TooManySubscriptions
        subscription = self._by_identifier[identifier] = Subscription(identifier, started)
        return subscription

    def remove(self, identifier: str) -> bool:
        """Whether there was one."""
        return self._by_identifier.pop(identifier, None) is not None

"""
Which identifiers one connection holds. Pure: no I/O.

A subscription is pending from the moment the command arrives, so that repeated commands are ignored, and
live once it is confirmed. What is published meanwhile is held back.
"""

from collections.abc import Container, Iterator, Mapping

from . import protocol
from .connection_states import (
    LIVE,
    OVERFLOWED,
    PENDING,
    SUBSCRIPTION,
    SubscriptionEvent,
    SubscriptionState,
)
from .payloads import CREATE, DESTROY, Change, RowKey
from .states import following


class AlreadySubscribed(Exception):
    """Ignored: a second confirm makes AnyCable's client unsubscribe."""


class TooManySubscriptions(Exception):
    pass


class IdentifiersTooLong(Exception):
    """All identifiers of the connection together."""


# The length of a data frame's head without the identifier.
_REST_OF_HEAD = len(protocol.message_head("")) - len('""')

# Key (user, row, action) → the position that a replay sent.
Replayed = Mapping[RowKey, int]


def _is_told(change: Change, replayed: Replayed, monotonic: Container[str]) -> bool:
    """
    Whether the replay sent it. A row is created once: a create that was read from the tables, with its
    creation time, is the same create. A later update stands for an earlier one only if the clock of the
    resource is monotonic (recent.py).
    """
    if not change.is_in_tables:
        return False
    position = replayed.get(change.row)
    if position is None or change.action == CREATE:
        return position is not None
    return position == change.position or (position > change.position and change.resource in monotonic)


def _is_overtaken(change: Change, replayed: Replayed, monotonic: Container[str]) -> bool:
    """
    Whether something later was read from the tables: that its user lost the row since or, for a destroy, got
    it again. Sent after that, the change would leave the client with the wrong one of the two. A monotonic
    clock may run ahead.
    """
    if change.action == DESTROY and change.resource in monotonic:
        return False
    other = change._replace(action=CREATE if change.action == DESTROY else DESTROY).row
    return replayed.get(other, 0) > change.time


class Subscription:
    """
    state: see connection_states.py.
    started: when it began, in microseconds since the epoch; a catch-up owes it nothing older (minus overlap).
    cursor: the last offset sent on it; the next is greater.
    held: what was published since held_since; only while it is not LIVE.
    client: the name of the client whose own changes are not sent on it; usually "".
    resources: the names of those that it receives; None for all.
    """

    __slots__ = (
        "client",
        "cursor",
        "head",
        "held",
        "held_since",
        "identifier",
        "resources",
        "started",
        "state",
    )

    def __init__(self, identifier: str, started: int) -> None:
        self.state: SubscriptionState = PENDING
        self.identifier = identifier
        self.head = protocol.message_head(identifier)
        self.started = started
        self.client = ""
        self.resources: Container[str] | None = None
        self.cursor = 0
        self.held: list[Change] = []
        self.held_since = started

    @property
    def written_bytes(self) -> int:
        """Bytes of the identifier in each frame: JSON within JSON, in UTF-8."""
        return len(self.head.encode()) - _REST_OF_HEAD

    def concerns(self, change: Change) -> bool:
        return self.resources is None or change.resource in self.resources

    def _follow(self, event: SubscriptionEvent) -> None:
        self.state = following(SUBSCRIPTION, self.state, event)

    def replay(self, now: int) -> None:
        """The client asked for what it missed. now: in microseconds since the epoch."""
        if self.state is LIVE:
            self.held, self.held_since = [], now
        self._follow(SubscriptionEvent.REPLAY)

    def refuse(self) -> None:
        """The replay was refused, and the client was told so."""
        self._follow(SubscriptionEvent.REFUSE)

    def hold_back(self, change: Change, limit: int) -> None:
        """Only while it is not LIVE. limit: changes that may be held."""
        if self.state is OVERFLOWED:
            return
        self.held.append(change)
        if len(self.held) > limit:
            self.held = []
            self._follow(SubscriptionEvent.OVERFLOW)

    def take_held(self) -> list[Change]:
        """What was held back until now, for hold_first()."""
        held, self.held = self.held, []
        return held

    def hold_first(self, changes: list[Change]) -> None:
        """
        Puts them before what was held back since take_held(). After an overflow the tables are read again for
        all of it.
        """
        if self.state is not OVERFLOWED:
            self.held = changes + self.held

    def read_again(self, now: int) -> int:
        """It overflowed, and the tables are about to be read. Returns since when they have to be."""
        self._follow(SubscriptionEvent.READ_AGAIN)
        since, self.held_since = self.held_since, now
        return since

    def release(self, replayed: Replayed, monotonic: Container[str]) -> list[Change]:
        """
        From now on it is live; returns what was held back and not replayed. monotonic: see recent.py.
        """
        self._follow(SubscriptionEvent.RELEASE)
        held = self.held
        # Nearly all subscriptions are LIVE nearly always, so they keep not even an empty list.
        del self.held
        released: list[Change] = []
        gone: set[RowKey] = set()
        for change in held:
            if _is_overtaken(change, replayed, monotonic):
                continue
            # What comes after a destroy is another row under the same key, which the replay did not know.
            if change.creation in gone or not _is_told(change, replayed, monotonic):
                released.append(change)
            if change.action == DESTROY:
                gone.add(change.creation)
        return released

    def end(self) -> None:
        """Unsubscribed or rejected."""
        self._follow(SubscriptionEvent.END)

    def next_offset(self, position: int, now: int) -> int:
        """
        The cursor for a frame: the row's position, but never later than now, and always greater than the
        last, so that a resume never skips. Both in microseconds since the epoch.

        now: the latest position that may be given out (Reach.horizon). A row saved often runs ahead of it.
        """
        self.cursor = max(self.cursor + 1, min(position, now))
        return self.cursor


class Subscriptions:
    __slots__ = ("_by_identifier", "_limit", "_max_bytes", "written_bytes")

    def __init__(self, limit: int, max_bytes: int) -> None:
        """max_bytes: of all identifiers together, as the frames of their subscriptions repeat them."""
        self._limit = limit
        self._max_bytes = max_bytes
        self.written_bytes = 0
        self._by_identifier: dict[str, Subscription] = {}

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._by_identifier

    def __iter__(self) -> Iterator[Subscription]:
        return iter(self._by_identifier.values())

    def __len__(self) -> int:
        return len(self._by_identifier)

    @property
    def all_live(self) -> bool:
        """Whether nothing is held back from any of them."""
        for subscription in self._by_identifier.values():  # noqa: SIM110 all() would cost as much as a ping
            if subscription.state is not LIVE:
                return False
        return True

    def get(self, identifier: str) -> Subscription | None:
        return self._by_identifier.get(identifier)

    def add(self, identifier: str, started: int) -> Subscription:
        """Raises AlreadySubscribed, TooManySubscriptions or IdentifiersTooLong."""
        if identifier in self._by_identifier:
            raise AlreadySubscribed
        if len(self._by_identifier) >= self._limit:
            raise TooManySubscriptions
        subscription = Subscription(identifier, started)
        written_bytes = self.written_bytes + subscription.written_bytes
        if written_bytes > self._max_bytes:
            raise IdentifiersTooLong
        self.written_bytes = written_bytes
        self._by_identifier[identifier] = subscription
        return subscription

    def remove(self, identifier: str) -> bool:
        """Whether there was one."""
        subscription = self._by_identifier.pop(identifier, None)
        if subscription is None:
            return False
        subscription.end()
        self.written_bytes -= subscription.written_bytes
        return True

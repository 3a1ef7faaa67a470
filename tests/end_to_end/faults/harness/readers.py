"""
Clients that refetch each row at its notification, and so know its state of that time; and a check of which
notifications each client was allowed to receive, by what its user could see at which time.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from tests.end_to_end.faults.harness.clients import (
    BaseClient,
    Client,
    ExtendedClient,
    SinceClient,
    StreamClient,
)

# How long a notification may be in flight, on a busy machine. A notification of a row that its user has not
# been able to see for longer than this is a leak.
ON_ITS_WAY = 3.0

# A user and a card.
Pair = tuple[int, int]
# As Life.live() returns it: when a step began and ended, and who could see what after it.
Step = tuple[float, float, Sequence[Pair]]


class Reader(Client):
    """
    cards: the time of the last notification of each card that the client believes to see. heard: the time and
    card of every notification.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.cards: dict[int, float] = {}
        self.heard: list[tuple[float, int]] = []

    def hear(self, message: dict[str, Any]) -> None:
        now = time.time()
        action, _, resource = message["action"].partition("#")
        if resource != "cards":
            return
        if action == "destroy":
            self.cards.pop(message["id"], None)
            return
        self.cards[message["id"]] = now
        self.heard.append((now, message["id"]))

    def leave(self, seconds: float) -> None:
        """Disconnects, and reconnects after `seconds`."""
        self.stay_away(seconds)
        self.cut()


class SocketReader(Reader):
    def take(self, frame: dict[str, Any]) -> None:
        if str(frame.get("type", "")).startswith("reject"):
            self.complaints.append(f"user {self.person.pk} was told to refetch: {frame}")
        super().take(frame)  # type: ignore[misc]


class BaseReader(SocketReader, BaseClient):
    pass


class SinceReader(SocketReader, SinceClient):
    pass


class ExtendedReader(SocketReader, ExtendedClient):
    pass


class StreamReader(Reader, StreamClient):
    async def refetch(self, base: str) -> None:
        self.complaints.append(f"user {self.person.pk} was told to refetch")


def lost(clients: Iterable[Reader], sights: Iterable[tuple[int, int, float]]) -> list[str]:
    """
    Cards that a client does not know, knows in an older state, or wrongly believes to see.

    sights: as of Life.sights().
    """
    now: dict[int, dict[int, float]] = {}
    for user, card, at in sights:
        now.setdefault(user, {})[card] = at
    found = []
    for client in clients:
        theirs = now.get(client.person.pk, {})
        name = f"{type(client).__name__} of user {client.person.pk}"
        found += [f"{name} believes to see card {card}" for card in client.cards.keys() - theirs.keys()]
        found += [
            f"{name} knows card {card} as of {client.cards.get(card)}, and it is of {at}"
            for card, at in theirs.items()
            if client.cards.get(card, 0) < at
        ]
    return found


def leaked(clients: Iterable[Reader], steps: Sequence[Step]) -> list[str]:
    """Notifications of cards that the client's user could not see at that time or shortly before."""
    seen = _periods(steps)
    found = []
    for client in clients:
        for at, card in client.heard:
            periods = seen.get((client.person.pk, card), [])
            if not any(began <= at <= ended + ON_ITS_WAY for began, ended in periods):
                found.append(f"user {client.person.pk} heard of card {card} at {at}, and saw it {periods}")
    return found


def _periods(steps: Sequence[Step]) -> dict[Pair, list[tuple[float, float]]]:
    """
    The periods in which each user could see each card. A step takes time: its whole duration counts as seen
    for a pair that begins or ends in it.
    """
    found: dict[Pair, list[tuple[float, float]]] = {}
    since: dict[Pair, float] = {}
    for began, ended, pairs in steps:
        present = set(map(tuple, pairs))
        for pair in since.keys() - present:
            found.setdefault(pair, []).append((since.pop(pair), ended))
        for pair in present - since.keys():
            since[pair] = began
    for pair, began in since.items():
        found.setdefault(pair, []).append((began, float("inf")))
    return found

"""
Clients that refetch what they hear of, and so know each row as it was then; and what each of them may have
heard, by who saw what when.
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

# How long word may be on its way, on a busy machine. Whoever hears of a row that they could not see for so
# long, hears what they may not.
ON_ITS_WAY = 3.0

# A user and a card.
Pair = tuple[int, int]
# As Life.live() says: when a step began and had ended, and who saw what then.
Step = tuple[float, float, Sequence[Pair]]


class Reader(Client):
    """cards: when it heard last of each that it may see, for all it knows. heard: of what, and when."""

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
        """And come back after so long."""
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
    """What a client does not know of, or not as it is, or believes to see. sights: as Life.sights()."""
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
    """What a client heard of although it could not see it, long before and until then."""
    seen = _periods(steps)
    found = []
    for client in clients:
        for at, card in client.heard:
            periods = seen.get((client.person.pk, card), [])
            if not any(began <= at <= ended + ON_ITS_WAY for began, ended in periods):
                found.append(f"user {client.person.pk} heard of card {card} at {at}, and saw it {periods}")
    return found


def _periods(steps: Sequence[Step]) -> dict[Pair, list[tuple[float, float]]]:
    """When each pair saw each other. A step takes time: what changed in it is counted to both sides."""
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

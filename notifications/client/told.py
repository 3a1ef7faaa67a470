"""
What a client yields, and the errors that end it. Pure.

    CableError
     ├── Refused        the server tells it not to reconnect: the credentials are invalid, for example
     └── Disconnected   the connection was lost, or could not be made; only with reconnect=False
"""

from dataclasses import dataclass, field
from typing import Any


class CableError(Exception):
    """The base of what ends a cable."""


class Refused(CableError):
    """reason: as the server sent it, "unauthorized" or "remote" for example."""

    def __init__(self, reason: str | None) -> None:
        super().__init__(f"the server disconnects: {reason}")
        self.reason = reason


class Disconnected(CableError):
    """Its text says what happened."""


Id = int | str | tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """
    One row changed. action: as on the wire, "update#tasks". id: of a composite primary key, a tuple.
    updated_at: of updates, in whole seconds since the epoch, or milliseconds if the server is set so.
    position: everything up to it was received; None while none is known. A later Cable may begin there.
    further: the keys that the resource's "payload" adds, by name.
    """

    action: str
    id: Id
    updated_at: int | None
    position: str | None
    further: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def verb(self) -> str:
        """create, update or destroy."""
        return self.action.partition("#")[0]

    @property
    def resource(self) -> str:
        return self.action.partition("#")[2]


@dataclass(frozen=True, slots=True)
class Refetch:
    """
    Some changes are missing: load your state again, which is complete from now on.

    reason: "start", if no position was given; "history", if the server cannot replay what came later.
    """

    reason: str
    position: str | None


Told = Change | Refetch

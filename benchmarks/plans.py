"""
The benchmarks: which servers, how many sockets, and what is measured of them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.contenders import CONTENDERS, FLOOR, LESSY, NULL
from benchmarks.session import Figures, Session

EVERYONE = tuple(contender.name for contender in CONTENDERS)


@dataclass(frozen=True)
class Plan:
    name: str
    title: str
    servers: tuple[str, ...]
    sizes: tuple[int, ...]
    measure: Callable[[Session], Figures]


def _delivery(session: Session) -> Figures:
    return session.connect() | session.flood()


def _crowd(session: Session) -> Figures:
    return session.connect() | session.idle() | session.latency() | session.flood()


def _growth(session: Session) -> Figures:
    if session.contender.name == NULL:
        return _sends(session)
    return session.connect() | session.flood() | session.idle(6)


def _sends(session: Session) -> Figures:
    """
    What the kernel takes for a `send`; and that the load generator is not the bottleneck: what it takes from
    who does nothing else.
    """
    session.connect()
    return session.blast()


def _storm(session: Session) -> Figures:
    return session.reconnect()


PLANS = {
    plan.name: plan
    for plan in (
        Plan("delivery", "Delivery, 500 sockets, 2 a user", EVERYONE, (500,), _delivery),
        Plan("crowd", "4,000 sockets: storm, memory, idle, latency, saturation", EVERYONE, (4000,), _crowd),
        Plan("growth", "From 500 to 8,000 sockets", (LESSY, FLOOR, NULL), (500, 2000, 8000), _growth),
        Plan("processes", "One process, and two", (LESSY, "pair", "apart"), (2000,), _delivery),
        Plan("generator", "What the load generator takes", (NULL,), (500,), _sends),
        Plan("storm", "Real clients come back", (LESSY,), (4000,), _storm),
    )
}

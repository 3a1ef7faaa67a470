"""
The benchmarks: which servers, how many sockets, and what is measured.
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
    # The number of users in the database, connected or not.
    readers: int = 0


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
    The kernel's cost of a `send`. It also shows that the load generator is not the bottleneck: how much it
    can receive from a server that only sends.
    """
    session.connect()
    return session.blast()


def _streams(session: Session) -> Figures:
    return session.connect() | session.idle() | session.flood()


def _storm(session: Session) -> Figures:
    return session.reconnect()


def _audience(session: Session) -> Figures:
    """The same sockets receive changes of their users' own rows, and of a row that all users may see."""
    figures = session.connect() | session.last_of_all()
    owner, shared = session.flood(), session.flood("shared")
    return figures | {
        "owner_delivery_us": owner["delivery_us"],
        "delivery_us": shared["delivery_us"],
        "delivery_by_owner": shared["delivery_us"] / owner["delivery_us"],
        # Negative if a pass delivered some again.
        "lost": max(0, owner["lost"]) + max(0, shared["lost"]),
    }


def _multitude(session: Session) -> Figures:
    return session.connect() | session.beside_a_multitude()


PLANS = {
    plan.name: plan
    for plan in (
        Plan("delivery", "Delivery, 500 sockets, 2 a user", EVERYONE, (500,), _delivery),
        Plan("crowd", "4,000 sockets: storm, memory, idle, latency, saturation", EVERYONE, (4000,), _crowd),
        Plan("growth", "From 500 to 8,000 sockets", (LESSY, FLOOR, NULL), (500, 2000, 8000), _growth),
        Plan("processes", "One process, and two", (LESSY, "pair", "apart"), (2000,), _delivery),
        Plan("generator", "What the load generator takes", (NULL,), (500,), _sends),
        Plan(
            "streams",
            "Websockets, and streams of Server-Sent Events",
            (LESSY, "streams", "uvicorn", "uvicorn-streams"),
            (2000,),
            _streams,
        ),
        Plan("storm", "Real clients come back", (LESSY,), (4000,), _storm),
        Plan("audience", "A row with 5,000 readers, 500 of them here", ("teams",), (1000,), _audience, 5000),
        Plan("multitude", "A row with 100,000 readers", ("teams",), (1000,), _multitude, 100_000),
    )
}

"""
The position that goes with a state: read the state, then ask for what changed since.

It is taken before the state is read, so that what is committed meanwhile is told again and nothing is missed.
How far back a read must start for it is the business of wire/positions.py.
"""

import time

from ..models import Epoch
from ..wire.protocol import position_text
from .history import microseconds_now

# How long a process goes by the epoch that it read last. After a renewal it then gives out positions of the
# one before, which are refused: the client refetches, and misses nothing.
KNOWN_SECONDS = 30.0

_known: tuple[str, float] = ("", 0.0)


def is_known() -> bool:
    """Whether position() asks no database."""
    return bool(_known[0]) and time.monotonic() - _known[1] < KNOWN_SECONDS


def position(at: int | None = None) -> str:
    """
    As a client brings it back: "<epoch>-<microseconds since the epoch>". at: when the reading of the state
    began, if that is not now. One query at most, every KNOWN_SECONDS; raises what the database does.
    """
    global _known
    at = microseconds_now() if at is None else at
    if not is_known():
        _known = (Epoch.current(), time.monotonic())
    return position_text(_known[0], at)


def forget() -> None:
    """For tests, and after a renewal in this process."""
    global _known
    _known = ("", 0.0)

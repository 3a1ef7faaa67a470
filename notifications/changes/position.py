"""
The position that belongs to a state: a client reads the state, then asks for what changed since.

The position is taken before the state is read, so that what is committed meanwhile is sent again and nothing
is missed. wire/positions.py decides how far back a read must start for it.
"""

import time

from ..models import Epoch
from ..wire.protocol import position_text
from .history import microseconds_now

# How long a process uses the epoch that it read last. After a renewal it may give out positions of the
# previous epoch for this long. They are refused: the client refetches, and misses nothing.
KNOWN_SECONDS = 30.0

_known: tuple[str, float] = ("", 0.0)


def is_known() -> bool:
    """Whether position() needs no query."""
    return bool(_known[0]) and time.monotonic() - _known[1] < KNOWN_SECONDS


def position(at: int | None = None) -> str:
    """
    As a client sends it back: "<epoch>-<microseconds since the epoch>". at: when the reading of the state
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

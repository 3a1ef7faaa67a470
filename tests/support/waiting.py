"""Wait for what should happen, with a deadline; never for a time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_TICK = threading.Event()


def within(seconds: float, look: Callable[[], object]) -> bool:
    """Whether look() becomes true in time."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            return False
        _TICK.wait(0.02)
    return True


def eventually(look: Callable[[], T], seconds: float = 10, what: str = "it") -> T:
    """The first true value of look(). Raises AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        _TICK.wait(0.02)
    return found

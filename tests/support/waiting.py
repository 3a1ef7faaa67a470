"""Wait for a condition, with a deadline, instead of sleeping for a fixed time."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_TICK = threading.Event()


def within(seconds: float, look: Callable[[], object]) -> bool:
    """Whether look() returns a true value before the deadline."""
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            return False
        _TICK.wait(0.02)
    return True


def eventually(look: Callable[[], T], seconds: float = 10, what: str = "it") -> T:
    """The first true value of look(). Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        _TICK.wait(0.02)
    return found

"""
Faults on purpose, to see that the cable survives them: for what_if.py, in DEBUG only.
"""

import threading
import time

from notifications.hub.current import hubs_of_process
from notifications.hub.hub import Hub

# Between two cuts: redis-py connects again at once. It is a thread of its own that sleeps.
AGAIN_SECONDS = 0.02


def cut_connections(seconds: float) -> None:
    """
    Break the connections on which the hubs of this process hear Redis, again and again for so long, as a
    failing network would. Returns after the first cut. What is published meanwhile may be lost.
    """
    _cut()
    threading.Thread(target=_keep_cutting, args=(time.monotonic() + seconds,), daemon=True).start()


def _keep_cutting(end: float) -> None:
    while time.monotonic() < end:
        _cut()
        time.sleep(AGAIN_SECONDS)


def _cut() -> None:
    """On the loops of the hubs, and done when it returns, unless a loop is late."""
    for loop, hub in hubs_of_process():
        done = threading.Event()
        loop.call_soon_threadsafe(_cut_one, hub, done)
        done.wait(AGAIN_SECONDS)


def _cut_one(hub: Hub, done: threading.Event) -> None:
    hub.broker.cut()
    done.set()

"""
Fault injection, to show that the cable survives it: for what_if.py, in DEBUG only.
"""

import threading
import time

from notifications.hub.current import hubs_of_process
from notifications.hub.hub import Hub

# Between two cuts, because redis-py reconnects at once. A separate thread sleeps, not the event loop.
AGAIN_SECONDS = 0.02


def cut_connections(seconds: float) -> None:
    """
    Break the connections on which the hubs of this process listen to Redis, repeatedly for `seconds`, as a
    failing network would. Returns after the first cut. Messages published meanwhile may be lost.
    """
    _cut()
    threading.Thread(target=_keep_cutting, args=(time.monotonic() + seconds,), daemon=True).start()


def _keep_cutting(end: float) -> None:
    while time.monotonic() < end:
        _cut()
        time.sleep(AGAIN_SECONDS)


def _cut() -> None:
    """Cut in the event loop of each hub. Waits until it is done, but at most AGAIN_SECONDS per event loop."""
    for loop, hub in hubs_of_process():
        done = threading.Event()
        loop.call_soon_threadsafe(_cut_one, hub, done)
        done.wait(AGAIN_SECONDS)


def _cut_one(hub: Hub, done: threading.Event) -> None:
    hub.broker.cut()
    done.set()

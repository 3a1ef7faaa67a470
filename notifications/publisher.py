"""
The only sender to the channel layer: an enqueue of microseconds, and a worker in the background.

publish() never blocks and never raises, whatever Redis does. The worker sends in order, each event with a
deadline; while Redis is away it waits with a bounded queue, and what exceeds it is dropped and counted: the
certain path (history.py) still has it. At exit the queue is flushed, with a deadline, so that what a
management command saved goes out.

The worker runs on the loop of this process's hub if there is one, else on a thread of its own.
"""

import asyncio
import atexit
import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from notifications import protocol
from notifications.conf import cable_settings
from notifications.events import (
    CONTROL_GROUP,
    EPOCH,
    answer_event,
    changes_event,
    disconnect_event,
    group_for_user,
)
from notifications.layers import Layer, is_local, open_layer
from notifications.metrics import metrics
from notifications.payloads import Change, Key, key_of

logger = logging.getLogger(__name__)

# One event stays far below what Redis and msgpack like.
CHANGES_PER_EVENT = 500
RETRY_SECONDS = (0.1, 0.2, 0.5)


class _Outgoing(NamedTuple):
    group: str
    event: dict[str, Any]
    weight: int


class Publisher:
    """One per process."""

    def __init__(self) -> None:
        self._queue: deque[_Outgoing] = deque()
        self._weight = 0
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._wake: asyncio.Event | None = None
        self._worker: asyncio.Task[None] | None = None
        self._idle = threading.Event()
        self._idle.set()

    # Callers, on any thread

    def enqueue(self, outgoing: Iterable[_Outgoing]) -> None:
        limit = cable_settings().publish_queue
        with self._lock:
            for item in outgoing:
                if self._weight + item.weight > limit and self._queue:
                    metrics.count("drops:publish_queue", item.weight)
                    continue
                self._queue.append(item)
                self._weight += item.weight
                self._idle.clear()
            loop = self._ensure_loop()
        if loop is None:
            self._discard()
            return
        # A loop that closes at this moment takes its worker with it; a later save starts another.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._start_worker)

    @property
    def waiting(self) -> int:
        """Changes that wait to be sent."""
        return self._weight

    def flush(self, timeout: float) -> bool:
        """Wait until everything is sent. Returns whether it was. Not to be called on the worker's loop."""
        return self._idle.wait(timeout)

    def flush_on_own_thread(self) -> None:
        """At exit. A hub's loop has stopped by now, and nothing can be sent on it."""
        if self._thread is not None and not self.flush(cable_settings().flush_timeout):
            logger.warning("exits with %d events unpublished; the next reconcile has them", len(self._queue))

    # Where the worker runs

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The hub's loop sends from now on."""
        with self._lock:
            self._loop, self._thread = loop, None
            self._wake, self._worker = None, None
        if self._queue:
            loop.call_soon_threadsafe(self._start_worker)

    def detach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The hub's loop sends no more. Called on it."""
        with self._lock:
            if self._loop is loop:
                if self._worker is not None:
                    self._worker.cancel()
                self._loop = self._wake = self._worker = None

    def _ensure_loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop to send on; None if there is nobody to hear it (in-memory layer without a hub)."""
        if self._loop is not None and not self._loop.is_closed():
            return self._loop
        if is_local():
            return None
        loop = self._loop = asyncio.new_event_loop()
        self._wake = self._worker = None
        self._thread = threading.Thread(target=_run, args=(loop,), name="cable-publisher", daemon=True)
        self._thread.start()
        return loop

    def _discard(self) -> None:
        with self._lock:
            self._queue.clear()
            self._weight = 0
            self._idle.set()

    def forget_parent(self) -> None:
        """In a forked child: the parent's thread, connections and queue are not ours."""
        self.__init__()  # type: ignore[misc]

    # The worker

    def _start_worker(self) -> None:
        if self._worker is None or self._wake is None or self._worker.done():
            self._wake = asyncio.Event()
            self._worker = asyncio.get_running_loop().create_task(self._work(self._wake))
        self._wake.set()

    async def _work(self, wake: asyncio.Event) -> None:
        layer = open_layer()
        failures = 0
        while True:
            await wake.wait()
            wake.clear()
            while item := self._first():
                if await self._send(layer, item):
                    failures = 0
                    self._sent(item)
                    continue
                await layer.close()
                layer = open_layer()
                await asyncio.sleep(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1

    async def _send(self, layer: Layer, item: _Outgoing) -> bool:
        started = time.perf_counter()
        try:
            await asyncio.wait_for(layer.group_send(item.group, item.event), cable_settings().publish_timeout)
        except Exception as exc:
            metrics.count("publish_failures")
            logger.warning("cannot publish, will retry: %s: %s", type(exc).__name__, exc)
            return False
        metrics.count("published", item.weight)
        metrics.publish.observe(int((time.perf_counter() - started) * 1e6))
        return True

    def _first(self) -> _Outgoing | None:
        with self._lock:
            return self._queue[0] if self._queue else None

    def _sent(self, item: _Outgoing) -> None:
        with self._lock:
            # The queue may have been emptied meanwhile, in a process that was told to forget it.
            if self._queue and self._queue[0] is item:
                self._queue.popleft()
                self._weight -= item.weight
            if not self._queue:
                self._idle.set()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()


publisher = Publisher()


def publish(changes: Sequence[Change]) -> None:
    """Announce changes to the clients of their owners. Never blocks, never raises; at most once."""
    try:
        publisher.enqueue(_events_of(changes))
    except Exception:
        metrics.count("drops:publish_error", len(changes))
        logger.exception("could not publish %d changes; the next reconcile will announce them", len(changes))


def _events_of(changes: Sequence[Change]) -> Iterable[_Outgoing]:
    """One event per user, cut where it would grow too long."""
    at = time.time()
    by_user: dict[Key, list[Change]] = {}
    for change in changes:
        by_user.setdefault(change.user_id, []).append(change)
    for user_id, theirs in by_user.items():
        remaining = iter(theirs)
        while chunk := list(islice(remaining, CHANGES_PER_EVENT)):
            yield _Outgoing(group_for_user(user_id), changes_event(chunk, at), len(chunk))


def publish_disconnect(
    user_id: Key, *, keys: list[str] | None = None, reason: str = protocol.REMOTE, reconnect: bool = False
) -> None:
    """See notifications.disconnect. Never blocks or raises; while Redis is away, reconcile closes them."""
    event = disconnect_event(key_of(user_id), keys, reason, reconnect)
    publisher.enqueue([_Outgoing(CONTROL_GROUP, event, 1)])


def publish_epoch() -> None:
    """Tell every process that positions were renumbered."""
    publisher.enqueue([_Outgoing(CONTROL_GROUP, {"type": EPOCH}, 1)])


def publish_answer(group: str, state: dict[str, Any]) -> None:
    """To whoever asked what this process holds."""
    publisher.enqueue([_Outgoing(group, answer_event(state), 1)])


def flush_at_exit() -> None:
    publisher.flush_on_own_thread()


# atexit runs after the thread pools of the interpreter are closed, and a connection to a host by name needs
# one; threading's own hook (used by concurrent.futures) runs before.
getattr(threading, "_register_atexit", atexit.register)(flush_at_exit)
os.register_at_fork(after_in_child=publisher.forget_parent)

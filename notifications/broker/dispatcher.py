"""
How one process sends what it publishes: at once in the calling thread, or by a worker in the background.

A process with a hub sends on the hub's loop, and the caller does not wait. A process without one may end by
os._exit, exec or a signal right after a save (workers of rq and celery do), and its queue would be lost:
there the calling thread sends, within SYNCHRONOUS_TIMEOUT. An event that it cannot send in that time goes to
the lane of its shard, and so do later events of that shard until the lane is empty. That keeps the order, and
a server that is down delays the callers only once.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Sequence

from ..conf import AUTO, cable_settings
from ..ground.test_run import in_test_run
from .direct import DirectSender, new_loop
from .lane import Lane
from .layers import is_local, is_on_postgres, shard_of
from .outgoing import Outgoing

logger = logging.getLogger(__name__)

# Longer than a layer takes to close (layers.CLOSE_SECONDS).
CLOSE_SECONDS = 2.0
# The wait at exit for a shard that failed once: its connection may have been closed long ago, or it may be
# down.
SECOND_CHANCE_SECONDS = 0.4


class Dispatcher:
    """Belongs to the process that made it; a forked child makes its own."""

    def __init__(self) -> None:
        self._lanes: dict[int, Lane] = {}
        self._direct = DirectSender()
        self._direct_lock = threading.Lock()
        # Guards the loop and the thread of the workers.
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._has_hub = False
        self._dropped_when_flushed = 0

    # Callers, on any thread

    def dispatch(self, items: Sequence[Outgoing]) -> None:
        """Never raises because of the channel layer."""
        tests = in_test_run()  # asked now, because at exit the test run is over
        if not self.hub_runs and (is_local() or (tests and is_on_postgres())):
            # No process would receive it: an in-memory layer has no other process. And a connection to a test
            # database would keep it from being dropped.
            return
        if not self._sends_at_once():
            for item in items:
                self._lane_of(item).put(item)
        elif self._send_all(items):
            return
        self._wake_workers()

    @property
    def waiting(self) -> int:
        return sum(lane.weight for lane in self._all_lanes())

    def flush(self, timeout: float) -> bool:
        """Whether everything was sent, and nothing dropped since the last flush."""
        deadline = time.monotonic() + timeout
        idle = all(lane.wait_until_idle(_left(deadline)) for lane in self._all_lanes())
        dropped = sum(lane.dropped for lane in self._all_lanes())
        complete = dropped == self._dropped_when_flushed
        self._dropped_when_flushed = dropped
        return idle and complete

    def finish(self) -> None:
        """
        At exit. A server that does not answer now would be slow to close too, so its connection stays open.
        """
        if self._flush_at_exit():
            self.close()

    def _flush_at_exit(self) -> bool:
        """
        A hub's loop has stopped by now, and nothing can be sent on it. Does not wait for a shard that is
        known to be down, nor for what a test run has published, and only briefly for a shard whose last
        attempt failed. Returns whether nothing is left.
        """
        if self._thread is None or in_test_run():
            return True
        deadline = time.monotonic() + cable_settings().flush_timeout
        for lane in self._all_lanes():
            left = _left(deadline)
            lane.wait_until_settled(min(left, SECOND_CHANCE_SECONDS) if lane.fails else left)
        if count := self.waiting:
            logger.warning(
                "%d notifications were not published before exit (the channel layer is unavailable)."
                " Clients receive the changes with the next reconcile.",
                count,
            )
        return not count

    def close(self) -> None:
        """Closes the connections of both ways to send. Events that still wait are not sent."""
        with self._direct_lock:
            self._direct.close()
        with self._lock:
            thread, loop, self._thread = self._thread, self._loop, None
            if thread is not None and loop is not None:
                self._loop = None
        if thread is not None and loop is not None:
            asyncio.run_coroutine_threadsafe(self._stop_workers(loop), loop)
            thread.join(CLOSE_SECONDS)

    async def _stop_workers(self, loop: asyncio.AbstractEventLoop) -> None:
        workers = [worker for lane in self._all_lanes() if (worker := lane.stop())]
        await asyncio.gather(*workers, return_exceptions=True)
        loop.stop()

    def _all_lanes(self) -> list[Lane]:
        return list(self._lanes.values())

    def _lane_of(self, item: Outgoing) -> Lane:
        shard = shard_of(item.group)
        return self._lanes.get(shard) or self._lanes.setdefault(shard, Lane(shard))

    # At once

    def _sends_at_once(self) -> bool:
        return not self.hub_runs and cable_settings().publish == AUTO and not _in_a_loop()

    def _send_all(self, items: Iterable[Outgoing]) -> bool:
        """Whether all were sent; the rest waits in its lanes."""
        deadline = time.monotonic() + cable_settings().synchronous_timeout
        locked = self._direct_lock.acquire(timeout=_left(deadline))
        complete = True
        try:
            for item in items:
                if not (locked and self._send_now(item, deadline)):
                    self._lane_of(item).put(item)
                    complete = False
        finally:
            if locked:
                self._direct_lock.release()
        return complete

    def _send_now(self, item: Outgoing, deadline: float) -> bool:
        """Does not overtake events of its shard that wait already. Returns whether it was sent."""
        lane, left = self._lane_of(item), _left(deadline)
        if not lane.empty or left == 0:
            return False
        started = time.perf_counter()
        try:
            self._direct.send(item, left)
        except Exception as exc:
            lane.failed(exc)
            return False
        lane.succeeded(item, started)
        return True

    # In the background

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The hub's loop sends from now on."""
        if self._loop is loop and self.hub_runs:  # another tenant's hub has attached it
            return
        with self._lock:
            self._move_to(loop)
            self._thread, self._has_hub = None, True
        if self.waiting:
            loop.call_soon_threadsafe(self._work)

    def detach(self, loop: asyncio.AbstractEventLoop) -> None:
        """The hub's loop stops sending. Called on that loop."""
        with self._lock:
            if self._loop is loop:
                for lane in self._all_lanes():
                    lane.stop()
                self._loop, self._has_hub = None, False

    @property
    def hub_runs(self) -> bool:
        loop = self._loop
        return self._has_hub and loop is not None and not loop.is_closed()

    def _wake_workers(self) -> None:
        with self._lock:
            loop = self._loop
            if loop is None or loop.is_closed():
                loop = self._start_thread()
        # A loop that closes at this moment takes its workers with it; a later event starts others.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._work)

    def _start_thread(self) -> asyncio.AbstractEventLoop:
        loop = new_loop()
        self._move_to(loop)
        self._has_hub = False
        self._thread = threading.Thread(target=_run, args=(loop,), name="cable-publisher", daemon=True)
        self._thread.start()
        return loop

    def _move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        for lane in self._all_lanes():
            lane.leave_loop()

    def _work(self) -> None:
        for lane in self._all_lanes():
            if not lane.empty:
                lane.work()


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())


def _in_a_loop() -> bool:
    """Whether the calling thread runs an event loop: sending there would block everything on that loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()

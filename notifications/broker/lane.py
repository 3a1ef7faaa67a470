"""
The queue for one shard of the channel layer, and whether the shard accepts events.

Each shard has a lane and a worker of its own, so that a shard that is down does not delay the events of
others. A lane is bounded by PUBLISH_QUEUE. Events beyond that are dropped and counted, and the certain path
(history.py) delivers their changes.
"""

import asyncio
import logging
import threading
import time
from collections import deque

from ..conf import cable_settings
from ..ground.metrics import metrics
from ..ground.test_run import in_test_run
from .layers import Layer, open_layer, shards, transport_failed
from .outgoing import Outgoing

logger = logging.getLogger(__name__)

RETRY_SECONDS = (0.1, 0.2, 0.5)
# The first failure may be that of a connection that the server had closed long ago. After the second, on a
# fresh connection, the shard counts as down.
AWAY_AFTER = 2
# An event that a reachable server has refused this often is dropped.
REFUSALS = 3


class Lane:
    """Used by every thread that publishes and by one worker, on a loop."""

    def __init__(self, shard: int) -> None:
        self._shard = shard
        self._lock = threading.Lock()
        self._items: deque[Outgoing] = deque()
        # The changes that wait, and their size.
        self.weight = self._size = 0
        self.dropped = 0
        # Consecutive failures; and refusals of the first event by a server that can be reached.
        self._failures = self._refusals = 0
        self._away_since: float | None = None
        self._idle = threading.Event()
        self._idle.set()
        # Idle, or known to be down: an exiting process has nothing to wait for.
        self._settled = threading.Event()
        self._settled.set()
        self._wake: asyncio.Event | None = None
        self._worker: asyncio.Task[None] | None = None

    # The queue

    def put(self, item: Outgoing) -> None:
        with self._lock:
            if self._size + item.size > cable_settings().publish_queue and self._items:
                self._drop(item, "publish_queue")
                return
            self._items.append(item)
            self.weight += item.weight
            self._size += item.size
            self._update_events()

    @property
    def empty(self) -> bool:
        return not self._items

    @property
    def fails(self) -> bool:
        """Whether the last attempt failed."""
        return bool(self._failures)

    def __len__(self) -> int:
        return len(self._items)

    def clear(self) -> None:
        with self._lock:
            self._items.clear()
            self.weight = self._size = 0
            self._update_events()

    def wait_until_idle(self, timeout: float) -> bool:
        return self._idle.wait(timeout)

    def wait_until_settled(self, timeout: float) -> bool:
        """
        Waits until everything is sent, or the shard is known to be down. Returns whether either happened.
        """
        return self._settled.wait(timeout)

    def _first(self) -> Outgoing | None:
        with self._lock:
            return self._items[0] if self._items else None

    def _remove(self, item: Outgoing, *, dropped: bool = False) -> None:
        with self._lock:
            # The lane may have been cleared meanwhile.
            if self._items and self._items[0] is item:
                self._items.popleft()
                self.weight -= item.weight
                self._size -= item.size
                if dropped:
                    self._drop(item, "publish_error")
            self._update_events()

    def _drop(self, item: Outgoing, reason: str) -> None:
        self.dropped += item.weight
        metrics.count(f"drops:{reason}", item.weight)

    def _update_events(self) -> None:
        _set_to(self._idle, not self._items)
        _set_to(self._settled, not self._items or self._failures >= AWAY_AFTER)

    # State of the shard

    def succeeded(self, item: Outgoing, started: float) -> None:
        """started: time.perf_counter() when it was handed to the layer."""
        metrics.count("published", item.weight)
        metrics.publish.observe(int((time.perf_counter() - started) * 1e6))
        with self._lock:
            self._failures = self._refusals = 0
            since, self._away_since = self._away_since, None
            self._update_events()
        if since is not None:
            self._say("publishes again%s, after %.1f s", self._name, time.monotonic() - since)

    def failed(self, failure: BaseException) -> None:
        """Logs once per outage of the shard, however often it is tried."""
        metrics.count("publish_failures")
        with self._lock:
            self._failures += 1
            begins = self._failures >= AWAY_AFTER and self._away_since is None
            if begins:
                self._away_since = time.monotonic()
            self._update_events()
        if begins:
            self._say("cannot publish%s, will retry: %s: %s", self._name, type(failure).__name__, failure)

    @staticmethod
    def _say(text: str, *values: object) -> None:
        logger.log(logging.DEBUG if in_test_run() else logging.WARNING, text, *values)

    @property
    def _name(self) -> str:
        count = shards()
        return "" if count == 1 else f" to shard {self._shard + 1} of {count}"

    # The worker

    def work(self) -> None:
        """Called on the loop that sends, whenever there is something to send."""
        if self._wake is None or self._worker is None or self._worker.done():
            self._wake = asyncio.Event()
            self._worker = asyncio.get_running_loop().create_task(self._run(self._wake))
            self._worker.add_done_callback(self._ended)
        self._wake.set()

    def _ended(self, worker: "asyncio.Task[None]") -> None:
        """Restarts a worker that raised. That is a bug: a failure to send does not end a worker."""
        if worker.cancelled() or (failure := worker.exception()) is None:
            return
        metrics.count("task_restarts:publisher")
        logger.error("the task publisher%s ended; starts again", self._name, exc_info=failure)
        worker.get_loop().call_later(RETRY_SECONDS[-1], self._work_again, worker)

    def _work_again(self, ended: "asyncio.Task[None]") -> None:
        if self._worker is ended:
            self.work()

    def stop(self) -> "asyncio.Task[None] | None":
        """Called on the same loop. Returns the worker, which ends as soon as its layer is closed."""
        worker = self._worker
        if worker is not None:
            worker.cancel()
        self.leave_loop()
        return worker

    def leave_loop(self) -> None:
        """The worker's loop has ended, or another one replaces it."""
        self._wake = self._worker = None

    async def _run(self, wake: asyncio.Event) -> None:
        while True:
            layer = open_layer()
            try:
                failure = None
                while failure is None:
                    failure = await self._send_waiting(layer, wake)
            finally:
                await layer.close()
            await self._rest_after(failure)

    async def _send_waiting(self, layer: Layer, wake: asyncio.Event) -> Exception | None:
        """Sends what waits. Returns the first failure, after which the layer is replaced, or None."""
        while item := self._first():
            if failure := await self._send(layer, item):
                return failure
            self._remove(item)
        await wake.wait()
        wake.clear()
        return None

    async def _rest_after(self, failure: Exception) -> None:
        self._refusals = 0 if transport_failed(failure) else self._refusals + 1
        if self._refusals == REFUSALS and (item := self._first()):
            self._refusals = 0
            self._refuse(item, failure)
        else:
            await asyncio.sleep(RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS)) - 1])

    async def _send(self, layer: Layer, item: Outgoing) -> Exception | None:
        """The failure, or None."""
        started = time.perf_counter()
        try:
            async with asyncio.timeout(cable_settings().publish_timeout):
                await layer.group_send(item.group, item.event)
        except Exception as exc:
            self.failed(exc)
            return exc
        self.succeeded(item, started)
        return None

    def _refuse(self, item: Outgoing, failure: Exception) -> None:
        self._remove(item, dropped=True)
        logger.error(
            "dropped an event%s that the channel layer refuses: %s: %s",
            self._name,
            type(failure).__name__,
            failure,
        )


def _set_to(event: threading.Event, value: bool) -> None:
    if value:
        event.set()
    else:
        event.clear()

"""
Sends in the calling thread, for processes without a hub: a worker's changes are published before the worker
can be killed, fork, exec or call os._exit.

Sends through the channel layer, so that its prefix, shards and encryption apply, on an event loop of its own
that runs only during the call. The layer's connections stay open between calls.
"""

import asyncio
import contextlib
import selectors
import threading
import time
from collections.abc import Coroutine
from typing import Any

from .layers import Layer, open_layer
from .outgoing import Outgoing


class DirectSender:
    """Not thread-safe: one call at a time, each on any thread that runs no event loop."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._layer: Layer | None = None

    def send(self, item: Outgoing, seconds: float) -> None:
        """
        Raises TimeoutError after so many seconds, and what the layer raises if it fails on a fresh connection
        too: a server may have closed the idle one.
        """
        deadline = time.monotonic() + seconds
        was_open = self._layer is not None
        try:
            self._run(self._send(item, seconds))
        except BaseException as exc:
            # Also if a signal handler raised in the middle of the loop (such as KeyboardInterrupt; time
            # limits of jobs are delayed, see ground/job_limits.py): the interrupted call may still hold the
            # layer's lock.
            self._abandon()
            left = deadline - time.monotonic()
            if not was_open or not isinstance(exc, Exception) or isinstance(exc, TimeoutError) or left <= 0:
                raise
            self.send(item, left)

    async def _send(self, item: Outgoing, seconds: float) -> None:
        if self._layer is None:
            self._layer = open_layer()
        async with asyncio.timeout(seconds):
            await self._layer.group_send(item.group, item.event)

    def _run(self, job: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            self._loop = new_loop()
        self._loop.run_until_complete(job)

    def close(self) -> None:
        """Connections to a server that answers are closed at once, others within a second."""
        loop, layer = self._loop, self._layer
        self._loop = self._layer = None
        if loop is not None:
            _close(loop, layer)

    def _abandon(self) -> None:
        """Closes on a thread of its own, because that is slow too if the server does not answer."""
        loop, layer = self._loop, self._layer
        self._loop = self._layer = None
        if loop is not None:
            threading.Thread(target=_close, args=(loop, layer), name="cable-close", daemon=True).start()


def new_loop() -> asyncio.AbstractEventLoop:
    """
    With poll() and not epoll: a forked child would share the epoll instance with its parent, and closing the
    child's copy of the loop would remove the parent's sockets from it.
    """
    selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
    return asyncio.SelectorEventLoop(selector())


def _close(loop: asyncio.AbstractEventLoop, layer: Layer | None) -> None:
    # The exception that ended the call may have left the loop in any state; closing the loop closes its
    # sockets.
    with contextlib.suppress(RuntimeError):
        loop.run_until_complete(_cancel_and_close(layer))
    loop.close()


async def _cancel_and_close(layer: Layer | None) -> None:
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    if layer is not None:
        await layer.close()

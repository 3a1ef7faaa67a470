"""
A graceful shutdown: not ready → no new sockets → `disconnect` to each, spread over time → requests finish →
changes are published → exit. The whole has a deadline; the deadline or a second signal ends it at once.
"""

import asyncio
import logging
import os
import signal
import threading
from functools import partial
from typing import Any

from twisted.internet import defer

from ..broker.publisher import publisher
from ..hub.current import hubs_of_loop, stop_hub
from ..hub.hub import Hub

logger = logging.getLogger(__name__)

# After the drain, requests in progress may take this long to finish.
LAST_REQUESTS_SECONDS = 2.0
# Then the changes that they saved may take this long to be published.
FLUSH_SECONDS = 1.0
# A shutdown takes at most the drain plus this time, even if a thread is still busy.
LAST_SECONDS = 4.5


class Shutdown:
    """Shuts one server down on SIGTERM and SIGINT. server: daphne's Server, or a subclass."""

    def __init__(self, server: Any, drain_seconds: float) -> None:
        self._server = server
        self._drain_seconds = drain_seconds
        self._stopping: asyncio.Task[None] | None = None

    def listen_to_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal, number)

    def _on_signal(self, number: int) -> None:
        if self._stopping is None:
            logger.info("%s: draining for %g s", signal.Signals(number).name, self._drain_seconds)
            _exit_at_the_latest_in(self._drain_seconds + LAST_SECONDS)
            self._stopping = self._loop.create_task(self._drain_and_stop())
        else:
            logger.warning("%s again: stops at once", signal.Signals(number).name)
            _exit_at_the_latest_in(1)
            self._server.stop()

    async def _drain_and_stop(self) -> None:
        try:
            await _drain(hubs_of_loop(), self._drain_seconds)
            await self._close_listeners()
            # The hubs of tenants whose first socket came during the drain.
            await _drain([hub for hub in hubs_of_loop() if not hub.draining], 0)
            await self._finish_requests()
            await self._loop.run_in_executor(None, partial(publisher.flush, FLUSH_SECONDS))
            await stop_hub()
        except Exception:
            logger.exception("the drain failed")
        finally:
            self._server.stop()

    async def _close_listeners(self) -> None:
        for listener in self._server.listeners:
            port = await listener.asFuture(self._loop)
            if port is not None:
                await defer.maybeDeferred(port.stopListening).asFuture(self._loop)

    async def _finish_requests(self) -> None:
        """Waits until every socket is closed and every request answered, but not for a half-sent upload."""
        for _ in range(int(LAST_REQUESTS_SECONDS / 0.05)):  # daphne does not say when an application ends
            if not self._busy():
                return
            await asyncio.sleep(0.05)

    def _busy(self) -> bool:
        return any(
            "application_instance" in details and "disconnected" not in details
            for details in self._server.connections.values()
        )


async def _drain(hubs: list[Hub], seconds: float) -> None:
    await asyncio.gather(*(hub.drain(seconds) for hub in hubs))


def _exit_at_the_latest_in(seconds: float) -> None:
    """A thread that waits for a slow query cannot be cancelled, and Python's exit would wait for it."""
    timer = threading.Timer(seconds, _exit_now)
    timer.daemon = True
    timer.start()


def _exit_now() -> None:
    logger.warning("exits although a request is still running")
    logging.shutdown()
    os._exit(1)

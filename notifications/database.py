"""
Threads of our own for the database: on the thread that Django shares one slow query stops every socket.

Their connections stay open between calls, and are dropped when a call fails.
"""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connections

T = TypeVar("T")

CLOSE_SECONDS = 2.0


class DatabaseThreads:
    def __init__(self, size: int, name: str) -> None:
        self.size = size
        self._executor = ThreadPoolExecutor(size, thread_name_prefix=name)

    async def run(self, read: Callable[[], T]) -> T:
        """read may run twice: the server may have closed the connection since the last call."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, _reading, read)

    async def close(self) -> None:
        """With the connections, each on its own thread; a query that hangs is not waited for."""
        loop, together = asyncio.get_running_loop(), threading.Barrier(self.size)
        closing = [
            loop.run_in_executor(self._executor, _close_connections, together) for _ in range(self.size)
        ]
        await asyncio.wait(closing, timeout=CLOSE_SECONDS)
        self._executor.shutdown(wait=False, cancel_futures=True)


class DatabaseStream:
    """Iterates on one thread, a chunk at a time: an iterator of the ORM belongs to its thread."""

    def __init__(self, name: str) -> None:
        self._threads = DatabaseThreads(1, name)

    async def chunks(self, begin: Callable[[], Iterator[T]], size: int) -> AsyncIterator[list[T]]:
        iterator: Iterator[T] | None = None

        def next_chunk() -> list[T]:
            nonlocal iterator
            if iterator is None:
                iterator = begin()
            return list(islice(iterator, size))

        def abandon() -> None:
            nonlocal iterator
            iterator = None

        executor = self._threads._executor
        try:
            while chunk := await asyncio.get_running_loop().run_in_executor(
                executor, _closing_on_failure, next_chunk
            ):
                yield chunk
        finally:
            # Its cursor, too, belongs to its thread.
            executor.submit(abandon)

    async def close(self) -> None:
        await self._threads.close()


def _close_connections(together: threading.Barrier) -> None:
    # Each thread waits for the others, or one could take the turn of another.
    with contextlib.suppress(threading.BrokenBarrierError):
        together.wait(CLOSE_SECONDS / 2)
    connections.close_all()


def _closing_on_failure(read: Callable[[], T]) -> T:
    try:
        return read()
    except Exception:
        connections.close_all()
        raise


def _reading(read: Callable[[], T]) -> T:
    try:
        return _closing_on_failure(read)
    except (OperationalError, InterfaceError):
        return _closing_on_failure(read)

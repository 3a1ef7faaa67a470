"""
Database threads of our own: on the thread that Django shares, one slow query would block every socket.

Every read has a deadline. A connection may stop answering without an error (an expired NAT entry, a primary
that vanished): libpq then waits for ever, and so would its caller. A thread that misses the deadline is
abandoned and counted, and the next read uses another thread (reader_thread.py, docs/decisions/0016).
"""

import asyncio
import contextlib
import contextvars
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from ..conf import cable_settings
from ..wire.allowance import Allowance
from .metrics import metrics
from .reader_thread import ReaderThread, is_word_of_database

T = TypeVar("T")

CLOSE_SECONDS = 2.0
# Abandoned threads per pool. At this number a read fails at once, until one of them ends.
MAX_ABANDONED = 16


class DatabaseUnavailable(Exception):
    """The read was not done, so its result is unknown."""


class ReadTimedOut(DatabaseUnavailable, TimeoutError):
    """The read did not end within its deadline."""


class DatabaseThreads:
    """A thread pool for reads: at most `size` at a time, each on a thread with its own connections."""

    def __init__(self, size: int, name: str) -> None:
        self.size = size
        self._name = name
        # If the process serves several tenants, the reads belong to the tenant of the hub.
        self._context = contextvars.copy_context()
        self._turns = asyncio.Semaphore(size)
        self._allowance = Allowance()
        self._idle: list[ReaderThread] = []
        self._abandoned: set[ReaderThread] = set()
        self._reads: set[asyncio.Task[Any]] = set()
        self._answered_at = -math.inf

    async def run(self, read: Callable[[], T], *, seconds: float | None = None) -> T:
        """
        Args: seconds: the deadline; READ_TIMEOUT if None, longer after others timed out (allowance.py).
        Raises: what read raises; DatabaseUnavailable.

        read may run twice: the server may have closed the connection since the last call.
        """
        return await self._bounded(read, seconds, again=True)

    async def run_once(self, read: Callable[[], T]) -> T:
        """As run, for a read that cannot be repeated, such as the next step of an iterator."""
        return await self._bounded(read, None, again=False)

    @property
    def abandoned(self) -> int:
        return len(self._abandoned)

    async def close(self) -> None:
        """Also closes the connections, each on its own thread. Does not wait for a read that hangs."""
        for task in tuple(self._reads):
            task.cancel()
        await asyncio.gather(*self._reads, return_exceptions=True)
        endings = [worker.end() for worker in self._idle]
        self._idle.clear()
        if endings:
            await asyncio.wait(endings, timeout=CLOSE_SECONDS)

    async def _bounded(self, read: Callable[[], T], seconds: float | None, *, again: bool) -> T:
        """
        In a task of its own: when the caller is cancelled, the thread still works, and its slot must not be
        lost.
        """
        task = asyncio.get_running_loop().create_task(self._read(read, seconds, again))
        self._reads.add(task)
        task.add_done_callback(self._finished)
        return await asyncio.shield(task)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._reads.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved here, because the caller may have been cancelled

    async def _read(self, read: Callable[[], T], deadline: float | None, again: bool) -> T:
        await self._take_turn(deadline or self._allowance.of(cable_settings().read_timeout, time.monotonic()))
        try:
            if len(self._abandoned) >= MAX_ABANDONED:
                raise DatabaseUnavailable(f"{MAX_ABANDONED} reads still wait for the database")
            worker = self._idle.pop() if self._idle else ReaderThread(self._name, self._context)
            seconds = deadline or self._allowance.of(cable_settings().read_timeout, time.monotonic())
            answer: asyncio.Future[T] = worker.ask(read, again)
            try:
                done, _ = await asyncio.wait({answer}, timeout=seconds)
            except asyncio.CancelledError:
                self._abandon(worker)
                raise
            if not done:
                self._abandon(worker)
                if deadline is None:
                    answer.add_done_callback(partial(self._allow_more, seconds))
                raise ReadTimedOut(f"no answer within {seconds:g} s")
            self._answered_at = time.monotonic()
            self._idle.append(worker)
            return answer.result()
        finally:
            self._turns.release()

    async def _take_turn(self, seconds: float) -> None:
        """
        Raises ReadTimedOut when none of these threads has answered for so many seconds: all of them hang. As
        long as reads are answered each waiting read has its turn, however many wait.
        """
        began = time.monotonic()
        while (left := max(began, self._answered_at) + seconds - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._turns.acquire()
                    return
        raise ReadTimedOut(f"no thread was free within {seconds:g} s")

    def _allow_more(self, seconds: float, answer: asyncio.Future[Any]) -> None:
        """
        Extends the deadline if a read that timed out was answered later: then the database was only slow. If
        there was no answer, a longer deadline would only make the next wait longer.
        """
        if not answer.cancelled() and is_word_of_database(answer.exception()):
            self._allowance.overstayed(seconds, cable_settings().read_timeout, time.monotonic())

    def _abandon(self, worker: ReaderThread) -> None:
        metrics.count("abandoned_reads")
        self._abandoned.add(worker)
        worker.abandon().add_done_callback(lambda _: self._abandoned.discard(worker))


class DatabaseStream:
    """Iterates in chunks, each with a deadline. The iterator must not be bound to one thread."""

    def __init__(self, name: str) -> None:
        self._threads = DatabaseThreads(1, name)

    async def chunks(self, begin: Callable[[], Iterator[T]], size: int) -> AsyncIterator[list[T]]:
        iterator: Iterator[T] | None = None

        def next_chunk() -> list[T]:
            nonlocal iterator
            if iterator is None:
                iterator = begin()
            return list(islice(iterator, size))

        # Not repeated after a failure: an iterator that raised is exhausted, and the rest would be missed.
        while chunk := await self._threads.run_once(next_chunk):
            yield chunk

    async def read(self, call: Callable[[], T]) -> T:
        """For a read between two chunks."""
        return await self._threads.run(call)

    @property
    def abandoned(self) -> int:
        return self._threads.abandoned

    async def close(self) -> None:
        await self._threads.close()

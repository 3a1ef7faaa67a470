"""
One thread that reads the database, with connections of its own: what becomes of it when the database falls
silent.

Connections stay open between reads, and are dropped when a read fails. What an abandoned thread waits for is
cancelled, so that repetitions do not pile up in a database that is merely slow; then its connection's socket
is shut down, which ends the wait. All connections of the process that were open by then are replaced before
they are used again (docs/decisions/0016).
"""

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connections

from .sockets import shut_down

T = TypeVar("T")

# A server that answers has cancelled a statement by then.
CANCEL_SECONDS = 1.0

# Counts the reads that were abandoned in this process. Connections of an earlier count are not trusted.
_silences = 0


class ReaderThread:
    """A daemon: the process may end while it waits. Made on the loop that asks it."""

    def __init__(self, name: str, context: contextvars.Context) -> None:
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[tuple[Callable[[], Any], bool, asyncio.Future[Any]] | None] = SimpleQueue()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._silences = _silences
        self._abandoned = False
        self._connections: Sequence[Any] = []
        threading.Thread(target=context.copy().run, args=(self._work,), name=name, daemon=True).start()

    def ask(self, read: Callable[[], Any], again: bool) -> asyncio.Future[Any]:
        """again: whether to read once more if the connection turns out to be lost."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._jobs.put((read, again, answer))
        return answer

    def end(self) -> asyncio.Future[None]:
        self._jobs.put(None)
        return self._ended

    def abandon(self) -> asyncio.Future[None]:
        """It ends as soon as its wait does."""
        global _silences
        _silences += 1
        self._abandoned = True
        for connection in self._connections:
            threading.Thread(target=_cancel, args=(connection,), name="cable-cancel", daemon=True).start()
        # Not by the thread that cancels, which may wait for the same silent network.
        self._loop.call_later(CANCEL_SECONDS, self._shut_down)
        return self.end()

    def _shut_down(self) -> None:
        for connection in self._connections:
            _shut_down(connection)

    # On the thread

    def _work(self) -> None:
        try:
            while (job := self._jobs.get()) is not None:
                self._answer(*job)
        finally:
            connections.close_all()
            self._tell(self._ended, None, None)

    def _answer(self, read: Callable[[], Any], again: bool, answer: asyncio.Future[Any]) -> None:
        if self._silences != _silences:
            self._silences = _silences
            connections.close_all()
        # Of this thread, so that another one can shut their sockets down.
        self._connections = connections.all()
        try:
            result, failure = self._attempt(read, again), None
        except BaseException as exc:
            result, failure = None, exc
        self._tell(answer, result, failure)

    def _attempt(self, read: Callable[[], T], again: bool) -> T:
        try:
            return _closing_on_failure(read)
        except (OperationalError, InterfaceError):
            # Of an abandoned read nobody awaits the answer; once more it might wait for good.
            if not again or self._abandoned:
                raise
            return _closing_on_failure(read)

    def _tell(self, future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, future, result, failure)


def is_word_of_database(failure: BaseException | None) -> bool:
    """And not of the driver, that its connection was shut down; it gives no SQLSTATE then."""
    if not isinstance(failure, OperationalError | InterfaceError):
        return True
    return getattr(failure.__cause__, "sqlstate", None) is not None


def _resolve(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
        future.exception()  # nobody waits for the answer of a thread that was abandoned


def _cancel(connection: Any) -> None:
    """
    What a Django connection of another thread waits for. PostgreSQL goes on with a statement whose client has
    gone; other databases have their own time-outs for that.
    """
    cancel = getattr(connection.connection, "cancel_safe", None)
    if cancel is not None:
        # It fails where the network is silent or the connection closed: then there is nothing to cancel.
        with contextlib.suppress(Exception):
            cancel(timeout=CANCEL_SECONDS)


def _shut_down(connection: Any) -> None:
    """
    Of a Django connection that another thread waits for: the end of its socket ends the wait. A driver
    without a socket (SQLite) has its own time-outs.
    """
    fileno = getattr(connection.connection, "fileno", None)
    if fileno is None:
        return
    # It fails where the connection was closed meanwhile: then nothing waits.
    with contextlib.suppress(Exception):
        shut_down(fileno())


def _closing_on_failure(read: Callable[[], T]) -> T:
    try:
        return read()
    except Exception:
        connections.close_all()
        raise

"""
One thread that reads the database, with connections of its own, and how it ends when the database does not
answer.

Connections stay open between reads, and are dropped when a read fails. When a thread is abandoned, its
statement is cancelled, so that repetitions do not pile up in a slow database; then its connection's socket is
shut down, which ends the wait. All connections that the reader threads of this process had open by then are
replaced before they are used again (docs/decisions/0016).
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

# A server that still answers has cancelled the statement by then.
CANCEL_SECONDS = 1.0

# Counts the reads that were abandoned in this process. Connections of an earlier count are not trusted.
_silences = 0


class ReaderThread:
    """A daemon thread: the process may exit while it waits. Created on the event loop that uses it."""

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
        """The thread ends as soon as its wait does."""
        global _silences
        _silences += 1
        self._abandoned = True
        for connection in self._connections:
            threading.Thread(target=_cancel, args=(connection,), name="cable-cancel", daemon=True).start()
        # Not on the thread that cancels, which may hang on the same network.
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
        # The connections of this thread, so that another thread can shut their sockets down.
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
            # No caller awaits the answer of an abandoned read, and a second attempt might hang for ever.
            if not again or self._abandoned:
                raise
            return _closing_on_failure(read)

    def _tell(self, future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, future, result, failure)


def is_word_of_database(failure: BaseException | None) -> bool:
    """
    Whether the database itself answered, with a result or an error. If the connection was shut down, the
    error is the driver's, without an SQLSTATE.
    """
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
    Cancels the statement for which a Django connection of another thread waits. PostgreSQL would continue it
    after its client has gone; other databases have their own time-outs for that.
    """
    cancel = getattr(connection.connection, "cancel_safe", None)
    if cancel is not None:
        # Fails if the network is dead or the connection closed: then there is nothing to cancel.
        with contextlib.suppress(Exception):
            cancel(timeout=CANCEL_SECONDS)


def _shut_down(connection: Any) -> None:
    """
    Shuts down the socket of a Django connection for which another thread waits, which ends the wait. A driver
    without a socket (SQLite) has its own time-outs.
    """
    fileno = getattr(connection.connection, "fileno", None)
    if fileno is None:
        return
    # Fails if the connection was closed meanwhile: then nothing waits.
    with contextlib.suppress(Exception):
        shut_down(fileno())


def _closing_on_failure(read: Callable[[], T]) -> T:
    try:
        return read()
    except Exception:
        connections.close_all()
        raise

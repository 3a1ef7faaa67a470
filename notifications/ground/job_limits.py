"""
Delays the time limits of background jobs while a change is announced.

rq (by SIGALRM) and Celery (by SIGUSR1) end a job with a signal. Its handler raises an Exception wherever the
main thread is. During an announcement that exception would be taken for a failure of Redis: the event would
be sent again, and the job would go on without a limit.

pthread_sigmask() does not help: a signal that one thread blocks is delivered to another one, and Python still
calls the handler on the main thread.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_LIMITS = [getattr(signal, name) for name in ("SIGALRM", "SIGUSR1") if hasattr(signal, name)]


class _Waiting:
    """Takes the place of a handler, and records its call."""

    came: tuple[Any, ...] = ()

    def __call__(self, *came: Any) -> None:
        self.came = came


@contextmanager
def job_limits_wait() -> Iterator[None]:
    """
    Calls the handlers at the end and raises what they raise, so code around this context must not catch it.
    May be nested: the handlers wait for the end of the outermost.
    """
    with ExitStack() as stack:
        # Only the main thread runs signal handlers, and only it may change them.
        if threading.current_thread() is threading.main_thread():
            for number in _LIMITS:
                handler = signal.getsignal(number)
                if callable(handler) and not isinstance(handler, _Waiting):
                    stack.enter_context(_waits(number, handler))
        yield


@contextmanager
def _waits(number: int, handler: Any) -> Iterator[None]:
    waiting = _Waiting()
    try:
        signal.signal(number, waiting)
        yield
    finally:
        _restore(number, handler)
        if waiting.came:
            handler(*waiting.came)


def _restore(number: int, handler: Any) -> None:
    try:
        signal.signal(number, handler)
    except BaseException:
        # Raised by the handler of another signal, which Python calls first.
        signal.signal(number, handler)
        raise

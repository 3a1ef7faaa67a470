"""
The time limits of jobs, which wait while something is announced.

rq (by SIGALRM) and Celery (by SIGUSR1) end a job by a signal. Its handler raises an Exception wherever the
main thread is; in the midst of an announcement it would pass for a failure of Redis: the event would be sent
once more, and the job go on without a limit.

Not by pthread_sigmask(): what one thread holds back comes to another one, and Python calls the handler on the
main thread all the same.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

_LIMITS = [getattr(signal, name) for name in ("SIGALRM", "SIGUSR1") if hasattr(signal, name)]


class _Waiting:
    """In the place of a handler."""

    came: tuple[Any, ...] = ()

    def __call__(self, *came: Any) -> None:
        self.came = came


@contextmanager
def job_limits_wait() -> Iterator[None]:
    """
    The handlers are called at the end. What they raise leaves from there, so that nothing around this may
    catch it. It may be nested: they wait for the end of the outermost.
    """
    with ExitStack() as stack:
        # Handlers run on no other thread, and no other thread may change them.
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
        # What the handler of another signal raised, which Python calls first.
        signal.signal(number, handler)
        raise

"""
Attempts that overlap: one that hangs on a half-open connection must not delay the next.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def first_to_succeed(
    attempt: Callable[[], Coroutine[Any, Any, T]],
    *,
    pause: Callable[[int], float],
    on_failure: Callable[[BaseException], None],
    on_surplus: Callable[[T], None],
) -> T:
    """
    Starts an attempt, and another one after each pause until one succeeds. pause: seconds, from the number of
    failures so far. on_failure: called with the reason of each failure. on_surplus: called with the result of
    an attempt that succeeded too late.
    """
    attempts: set[asyncio.Task[T]] = set()
    failures = 0
    try:
        while True:
            attempts.add(asyncio.get_running_loop().create_task(attempt()))
            done, _ = await asyncio.wait(
                attempts, timeout=pause(failures), return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                attempts.discard(task)
                if (failure := task.exception()) is None:
                    return task.result()
                on_failure(failure)
                failures += 1
                await asyncio.sleep(pause(failures))
    finally:
        for task in attempts:
            task.cancel()
            task.add_done_callback(lambda task: _not_chosen(task, on_surplus))


def _not_chosen(task: "asyncio.Task[T]", on_surplus: Callable[[T], None]) -> None:
    if not task.cancelled() and task.exception() is None:
        on_surplus(task.result())

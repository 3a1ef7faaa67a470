"""
Start a coroutine here and now, and make it a task only if it has to wait. (asyncio has this from 3.12 on.)

An ASGI server's `send` nearly never waits; a task for each call would cost more than the call.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Generator
from types import coroutine
from typing import Any, cast


def start(awaitable: Awaitable[Any]) -> asyncio.Task[None] | None:
    """
    None if it ran to its end; else the task that finishes it, which the caller has to keep.
    Raises what it raises before it first waits.
    """
    started = cast(Coroutine[Any, Any, Any], awaitable)
    try:
        waited = started.send(None)
    except StopIteration:
        return None
    return asyncio.get_running_loop().create_task(_rest(started, waited))


async def _rest(started: Coroutine[Any, Any, Any], waited: Any) -> None:
    await _continued(started, waited)


@coroutine
def _continued(started: Coroutine[Any, Any, Any], waited: Any) -> Generator[Any, Any, None]:
    try:
        while True:
            try:
                sent = yield waited
            except BaseException as exc:
                waited = started.throw(exc)
            else:
                waited = started.send(sent)
    except StopIteration:
        return

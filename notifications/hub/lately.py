"""
How long the answer to "who may see this row?" holds.

It is asked of what was read from the tables, and of what is published when it is committed. What is told
later than that, because a client reads slowly or a message was kept on its way, may be about rows that
somebody has lost meanwhile: they must not hear of them. So whatever waited is asked for again.
"""

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from functools import partial

from ..changes.telling import are_checked, visible
from ..wire.payloads import Change, Key

# Longer than anything takes that does not wait.
LATELY_SECONDS = 1.0

# Of some changes, those that are true now.
Ask = Callable[[list[Change]], Awaitable[list[Change]]]
# Runs a read on a thread that may use the database.
Run = Callable[[Callable[[], list[Change]]], Awaitable[list[Change]]]


async def still_true(run: Run, changes: list[Change], users: Collection[Key]) -> list[Change]:
    """Without what their users, who are among these, have lost. Raises what the database does."""
    return await run(partial(visible, changes, users=users)) if are_checked() else changes


async def true_when_told(
    changes: list[Change], ask: Ask, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Change]:
    """The changes, just asked for, one by one; after a wait, what is left of them is asked for again."""
    left, asked = deque(changes), clock()
    while left:
        if are_checked() and clock() - asked > LATELY_SECONDS:
            left, asked = deque(await ask(list(left))), clock()
            if not left:
                return
        yield left.popleft()

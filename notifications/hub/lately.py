"""
How long the answer to "who may see this row?" is valid.

The question is asked when rows are read from the tables, and when a change that is published was committed. A
change that is delivered later, because a client reads slowly or a message was delayed, may be about a row
that its user has lost meanwhile: it must not be delivered. So the question is asked again for changes that
waited.
"""

import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from functools import partial

from ..changes.telling import are_checked, visible
from ..wire.payloads import Change, Key

# Longer than any delivery takes that does not wait.
LATELY_SECONDS = 1.0

# Returns those of the changes whose users may see their rows now.
Ask = Callable[[list[Change]], Awaitable[list[Change]]]
# Runs a read on a thread that may use the database.
Run = Callable[[Callable[[], list[Change]]], Awaitable[list[Change]]]


async def still_true(run: Run, changes: list[Change], users: Collection[Key]) -> list[Change]:
    """
    The changes without those of rows that their users (who are among these) have lost. Raises what the
    database does.
    """
    return await run(partial(visible, changes, users=users)) if are_checked() else changes


async def true_when_told(
    changes: list[Change], ask: Ask, clock: Callable[[], float] = time.monotonic
) -> AsyncIterator[Change]:
    """The changes, which were checked just now, one by one. After a wait, the rest is checked again."""
    left, asked = deque(changes), clock()
    while left:
        if are_checked() and clock() - asked > LATELY_SECONDS:
            left, asked = deque(await ask(list(left))), clock()
            if not left:
                return
        yield left.popleft()

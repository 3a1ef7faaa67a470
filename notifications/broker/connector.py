"""
Makes a session: attempts overlap until the canaries of one come back; that session then joins the wanted
groups.
"""

import asyncio
import random
from collections.abc import Callable, Collection

from ..conf import cable_settings
from ..ground.jobs import Jobs
from .attempts import first_to_succeed
from .layers import is_on_postgres
from .session import Session

# Pauses while the broker is down. A connection costs PostgreSQL a process, Redis next to nothing.
CONNECT_AGAIN_SECONDS = 0.5
MOST_SECONDS = 1.5
# Extends the deadline of a join: for the groups of a storm of sockets it takes longer than one echo.
GROUPS_PER_SECOND = 1_000


class Connector:
    """
    make: makes a session. canaries, wanted: groups; `wanted` is read when a session joins them. on_failure:
    called with the reason of each failed attempt. closing: runs the closing of unused sessions.
    """

    def __init__(
        self,
        make: Callable[[], Session],
        *,
        canaries: Collection[str],
        wanted: Collection[str],
        on_failure: Callable[[BaseException], None],
        closing: Jobs,
    ) -> None:
        self._make = make
        self._canaries = canaries
        self._wanted = wanted
        self._on_failure = on_failure
        self._closing = closing

    async def connect(self) -> Session:
        """Returns a session once it has joined the groups that were wanted when it answered."""
        while True:
            session = await first_to_succeed(
                self._attempt,
                pause=_pause,
                on_failure=self._on_failure,
                on_surplus=self._discard,
            )
            session.answered()
            try:
                await self._join(session)
            except Exception as exc:
                self._on_failure(exc)
                await asyncio.sleep(CONNECT_AGAIN_SECONDS)
            else:
                return session

    async def _attempt(self) -> Session:
        session = self._make()
        try:
            async with asyncio.timeout(cable_settings().canary_timeout):
                await session.open(self._canaries)
        except BaseException:
            self._discard(session)
            raise
        return session

    async def _join(self, session: Session) -> None:
        wanted = tuple(self._wanted)
        try:
            async with asyncio.timeout(cable_settings().canary_timeout + len(wanted) / GROUPS_PER_SECOND):
                await session.enter(wanted)
        except BaseException:
            self._discard(session)
            raise

    def _discard(self, session: Session) -> None:
        """A layer that does not answer is slow to close, so nothing waits for it."""
        session.discard()
        self._closing.spawn(session.close())


def _pause(failures: int) -> float:
    """
    Backoff where attempts are expensive (PostgreSQL), and jitter, so that the processes do not all connect at
    once.
    """
    seconds = CONNECT_AGAIN_SECONDS
    if is_on_postgres():
        seconds = min(MOST_SECONDS, seconds * 1.5**failures)
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 spreads, hides nothing

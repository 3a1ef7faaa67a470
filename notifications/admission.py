"""
Who may have a socket, asked in batches: a reconnect storm costs a query per batch, not per socket.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from notifications.authentication import Admission, Handshake, authenticator
from notifications.conf import cable_settings
from notifications.database import DatabaseThreads

BATCH_SIZE = 200


class AuthenticationUnavailable(Exception):
    """The authenticator failed or took too long: nobody knows who this is."""


_Waiting = tuple[Handshake, "asyncio.Future[Admission | None]"]


class Doorkeeper:
    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._waiting: deque[_Waiting] = deque()
        self._asking: set[asyncio.Task[None]] = set()

    async def authenticate(self, handshake: Handshake) -> Admission | None:
        """
        Raises AuthenticationUnavailable. In a storm the queue may be longer than AUTHENTICATION_TIMEOUT, as
        long as it moves: the timeout is for each batch.
        """
        answer: asyncio.Future[Admission | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((handshake, answer))
        if len(self._asking) < self._threads.size:
            self._ask()
        try:
            return await answer
        except Exception as exc:
            raise AuthenticationUnavailable(type(exc).__name__) from exc

    async def still_admitted(self, admissions: Sequence[Admission]) -> Sequence[bool]:
        return await self._threads.run(lambda: authenticator().still_admitted(admissions))

    def _ask(self) -> None:
        task = asyncio.get_running_loop().create_task(self._answer_all())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _answer_all(self) -> None:
        while batch := self._next_batch(BATCH_SIZE):
            await self._answer([handshake for handshake, _ in batch], [answer for _, answer in batch])

    def _next_batch(self, size: int) -> list[_Waiting]:
        """Without those who have gone meanwhile."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < size:
            handshake, answer = self._waiting.popleft()
            if not answer.done():
                batch.append((handshake, answer))
        return batch

    async def _answer(self, handshakes: list[Handshake], answers: list[asyncio.Future[Any]]) -> None:
        try:
            async with asyncio.timeout(cable_settings().authentication_timeout):
                admissions = await self._threads.run(lambda: authenticator().authenticate(handshakes))
        except Exception as exc:
            _fail(answers, exc)
            if isinstance(exc, TimeoutError):  # nor would it answer those who wait behind them
                _fail([answer for _, answer in self._next_batch(len(self._waiting))], exc)
            return
        now = time.time()
        for answer, admission in zip(answers, admissions, strict=True):
            if not answer.done():
                expired = admission is not None and (admission.expires_at or now + 1) <= now
                answer.set_result(None if expired else admission)


def _fail(answers: Iterable[asyncio.Future[Any]], exc: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(exc)

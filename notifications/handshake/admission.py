"""
Authenticates handshakes in batches: a reconnect storm costs a query per batch, not per socket.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, cast

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from ..conf import cable_settings
from ..ground.database import DatabaseThreads
from ..ground.written import reading_where_written
from .authentication import Admission, Authenticator, Handshake
from .subprotocol_token import SubprotocolTokenAuthenticator

BATCH_SIZE = 200
# Sockets whose right is checked within one deadline: an authenticator may need a query for each.
LOOK_UP_SIZE = 1_000


class AuthenticationUnavailable(Exception):
    """The authenticator failed or took too long, so the user is unknown."""


@lru_cache(maxsize=1)
def authenticator() -> Authenticator:
    make = cast(Callable[[], Authenticator], import_string(cable_settings().authenticator))
    return SubprotocolTokenAuthenticator(make()) if cable_settings().subprotocol_token else make()


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CABLE":
        authenticator.cache_clear()


# On a replica a revoked session may still be there, and a new one not yet.
def ask_authenticator(handshakes: Sequence[Handshake]) -> Sequence[Admission | None]:
    with reading_where_written():
        return authenticator().authenticate(handshakes)


def _still_admitted(admissions: Sequence[Admission]) -> Sequence[bool]:
    with reading_where_written():
        return authenticator().still_admitted(admissions)


_Waiting = tuple[Handshake, "asyncio.Future[Admission | None]"]


class Doorkeeper:
    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._waiting: deque[_Waiting] = deque()
        self._asking: set[asyncio.Task[None]] = set()

    async def authenticate(self, handshake: Handshake) -> Admission | None:
        """
        The admission may have expired. Raises AuthenticationUnavailable. In a storm a handshake may wait
        longer than AUTHENTICATION_TIMEOUT, as long as the queue moves: the time-out is for each batch.
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
        """In batches, each with a deadline of its own: a process may have tens of thousands of sockets."""
        answers: list[bool] = []
        for batch in _batches(admissions, LOOK_UP_SIZE):
            answers += await self._threads.run(partial(_still_admitted, batch))
        return answers

    def _ask(self) -> None:
        task = asyncio.get_running_loop().create_task(self._answer_all())
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _answer_all(self) -> None:
        while batch := self._next_batch(BATCH_SIZE):
            await self._answer([handshake for handshake, _ in batch], [answer for _, answer in batch])

    def _next_batch(self, size: int) -> list[_Waiting]:
        """Without those whose clients have disconnected meanwhile."""
        batch: list[_Waiting] = []
        while self._waiting and len(batch) < size:
            handshake, answer = self._waiting.popleft()
            if not answer.done():
                batch.append((handshake, answer))
        return batch

    async def _answer(self, handshakes: list[Handshake], answers: list[asyncio.Future[Any]]) -> None:
        try:
            seconds = cable_settings().authentication_timeout
            admissions = await self._threads.run(lambda: ask_authenticator(handshakes), seconds=seconds)
        except Exception as exc:
            _fail(answers, exc)
            if isinstance(exc, TimeoutError):  # the handshakes behind them would time out too
                _fail([answer for _, answer in self._next_batch(len(self._waiting))], exc)
            return
        for answer, admission in zip(answers, admissions, strict=True):
            if not answer.done():
                answer.set_result(admission)


def _batches(admissions: Sequence[Admission], size: int) -> Iterator[Sequence[Admission]]:
    return (admissions[start : start + size] for start in range(0, len(admissions), size))


def _fail(answers: Iterable[asyncio.Future[Any]], exc: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(exc)

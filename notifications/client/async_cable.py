"""The asynchronous client."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Self, Unpack

from websockets.asyncio.client import ClientConnection, connect

from .failures import FAILURES, told
from .plan import SILENCE, Backoff, Options, planned
from .told import Disconnected, Told


class AsyncCable:
    """As Cable, with `async with` and `async for`; close() is a coroutine, on the same event loop."""

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        self._plan = planned(url, **options)
        self.position: str | None = self._plan.position
        self._closed = asyncio.Event()
        self._socket: ClientConnection | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        self._closed.set()
        if self._socket is not None:
            await self._socket.close()

    async def __aiter__(self) -> AsyncIterator[Told]:
        backoff = Backoff()
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                async with contextlib.aclosing(self._connection()) as connection:
                    async for each in connection:
                        yield each
            except (Disconnected, *FAILURES) as exc:
                if self._closed.is_set():
                    return
                if not self._plan.reconnect:
                    raise told(exc, self._plan.url) from exc
                await self._wait(backoff.after(time.monotonic() - began))

    async def _connection(self) -> AsyncGenerator[Told]:
        conversation = self._plan.conversation(self.position)
        async with connect(self._plan.url, **self._plan.handshake()) as socket:
            self._socket = socket
            while not self._closed.is_set():
                found = conversation.receive(await asyncio.wait_for(socket.recv(), SILENCE))
                for text in conversation.outbox:
                    await socket.send(text)
                conversation.outbox.clear()
                for each in found:
                    yield each
                self.position = conversation.position

    async def _wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), seconds)

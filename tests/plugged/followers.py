"""Clients that reconnect to any server that accepts them and resume, as AnyCable's client does."""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.plugged.installation import Server
from tests.support.cable import EXTENDED, I

AGAIN_SECONDS = 0.2


class Follower:
    """cookie: of a session. seen: the versions of each row in notifications. said: the disconnect reasons."""

    def __init__(self, servers: Sequence[Server], cookie: str) -> None:
        self._urls = [server.url for server in servers]
        self._cookie = cookie
        self._position: dict[str, Any] = {}
        self._began = time.time()
        self.seen: dict[str, set[int]] = {}
        self.said: list[str] = []
        self.confirmed = False

    async def run(self) -> None:
        """Runs until it is cancelled."""
        turn = 0
        while True:
            with suppress(OSError, ConnectionClosed, InvalidHandshake, TimeoutError):
                await self._stay(self._urls[turn % len(self._urls)])
            self.confirmed = False
            turn += 1
            await asyncio.sleep(AGAIN_SECONDS)

    async def _stay(self, url: str) -> None:
        headers = {"Cookie": f"sessionid={self._cookie}"}
        async with connect(
            url,
            additional_headers=headers,
            subprotocols=list(EXTENDED),  # type: ignore[arg-type]
            compression=None,
            ping_interval=None,
            close_timeout=1,
            proxy=None,
        ) as socket:
            history = {"streams": self._position} if self._position else {"since": self._began - 1}
            await socket.send(json.dumps({"command": "subscribe", "identifier": I, "history": history}))
            async for text in socket:
                self._hear(json.loads(text))

    def _hear(self, frame: dict[str, Any]) -> None:
        if frame.get("type") == "confirm_subscription":
            self.confirmed = True
        elif frame.get("type") == "disconnect":
            self.said.append(frame["reason"])
        elif frame.get("type") is None:
            self._note(frame["message"])
            self._position = {frame["stream_id"]: {key: frame[key] for key in ("epoch", "offset")}}

    def _note(self, message: dict[str, Any]) -> None:
        self.seen.setdefault(message["id"], set()).add(message.get("updatedAt", 0))

    def has(self, row: str, version: int) -> bool:
        return any(told >= version for told in self.seen.get(row, ()))

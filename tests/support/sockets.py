"""A connection of the hub without a server. It keeps the frames that it is sent, decoded."""

import asyncio
import json
from types import SimpleNamespace
from typing import Any

from notifications.conf import CableSettings
from notifications.hub.connection import Connection
from notifications.wire import protocol

LIMITS = CableSettings()


def admission(user_id: Any = 1, key: str = "key", expires_at: float | None = None) -> Any:
    return SimpleNamespace(user_id=user_id, key=key, expires_at=expires_at)


class Socket:
    """frames: all frames sent, in order. code: the close code, or None. arrived: set by each frame."""

    def __init__(self, right: Any = None, *, extended: bool = False, limits: CableSettings = LIMITS) -> None:
        self.frames: list[dict[str, Any]] = []
        self.code: int | None = None
        self.arrived = asyncio.Event()
        position = protocol.position_of("user.1", "epoch") if extended else None
        right = admission() if right is None else right
        self.connection = Connection(self.send, None, right, position, limits, lambda connection: None)

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.close":
            self.code = message["code"]
        else:
            self.frames.append(json.loads(message["text"]))
        self.arrived.set()

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

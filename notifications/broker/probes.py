"""
Proves that a process is in a group: a probe that it publishes there comes back. A layer returns from a join
before Redis knows of the subscription.
"""

import asyncio
import contextlib
import secrets

from .events import probe_event
from .layers import Layer

PROBE_AGAIN_SECONDS = 0.05


class Probes:
    """name: of this process, to tell its own probes from those of others."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._awaited: dict[str, asyncio.Event] = {}

    def hear(self, nonce: str) -> bool:
        """Whether it is a probe of ours that is still awaited."""
        if nonce not in self._awaited:
            return False
        self._awaited[nonce].set()
        return True

    async def prove(self, layer: Layer, group: str) -> None:
        """Sends probes until one comes back. Raises what the layer does."""
        nonce = f"{self._name}:{secrets.token_hex(4)}"
        arrived = self._awaited[nonce] = asyncio.Event()
        try:
            while not arrived.is_set():
                await layer.group_send(group, probe_event(nonce))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PROBE_AGAIN_SECONDS):
                        await arrived.wait()
        finally:
            del self._awaited[nonce]

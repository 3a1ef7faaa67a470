"""
Whether the client of a websocket reads as fast as we write.
"""

import asyncio
from typing import Any

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from . import kernel


@implementer(IPushProducer)
class Pressure:
    """
    The transport calls pauseProducing when more than its bufferSize waits, and resumeProducing when all of it
    is written.

    owed: a frame that is written on resumeProducing. A later one replaces it, so that a peer that does not
    read cannot make us store more than one.
    peer_dead: once the connection is lost, whether the reason was that the peer stopped answering.
    """

    __slots__ = ("_resumed", "_transport", "owed", "peer_dead")

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._resumed: asyncio.Event | None = None
        self.owed: bytes | None = None
        self.peer_dead = False

    @property
    def paused(self) -> bool:
        return self._resumed is not None

    async def released(self) -> None:
        while self._resumed is not None:
            await self._resumed.wait()

    def pauseProducing(self) -> None:  # noqa: N802
        if self._resumed is None:
            self._resumed = asyncio.Event()

    def resumeProducing(self) -> None:  # noqa: N802
        owed, self.owed = self.owed, None
        if owed is not None:
            self._transport.write(owed)
        self.release()

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is lost."""
        self.peer_dead = kernel.stopped_answering(self._transport)
        self.release()

    def release(self) -> None:
        """Wakes the senders that wait. They check for themselves whether the connection is lost."""
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed.set()

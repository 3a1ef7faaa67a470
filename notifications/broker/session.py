"""
One channel layer, for as long as it answers: its channel, its groups, and what it receives.
Its states are a table (session_states.py).
"""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any

from ..wire.states import following
from .layers import Layer, shards
from .probes import Probes
from .session_states import SESSION, SessionEvent, SessionState


class Session:
    """
    on_event: called, on the loop, with each event of the groups joined; it must not raise. on_lost: called
    once, with the session and the reason, when a session in use can no longer be used.
    """

    def __init__(
        self,
        layer: Layer,
        probes: Probes,
        on_event: Callable[[dict[str, Any]], None],
        on_lost: "Callable[[Session, str], None]",
    ) -> None:
        self.state = SessionState.OPENING
        self.layer = layer
        self.joined: set[str] = set()
        self._channel = ""
        self._probes = probes
        self._on_event = on_event
        self._on_lost = on_lost
        self._receiver: asyncio.Task[None] | None = None

    async def open(self, canaries: Collection[str]) -> None:
        """Returns when it has joined the canaries. Raises what the layer does; has no deadline of its own."""
        self._channel = await self.layer.new_channel()
        self._receiver = asyncio.get_running_loop().create_task(self._receive())
        await self.enter(canaries)

    def answered(self) -> None:
        """Its canaries were the first to come back."""
        self._follow(SessionEvent.ANSWERED)

    def begin(self) -> None:
        """All wanted groups are joined: from now on its loss is reported."""
        self._follow(SessionEvent.JOINED)
        if self._receiver is not None and self._receiver.done():
            # It failed during the joins; a sending connection that still works may have proved them.
            asyncio.get_running_loop().call_soon(self.lose, "cannot receive")

    def lose(self, reason: str) -> None:
        """May be called from several places; only the first call counts."""
        was_in_use = self.state is SessionState.IN_USE
        self._follow(SessionEvent.LOST)
        if was_in_use:
            self._on_lost(self, reason)

    def discard(self) -> None:
        """The session must not be used any more; close() follows."""
        self._follow(SessionEvent.DISCARDED)

    async def close(self) -> None:
        """Never raises. Slow if the layer no longer answers."""
        await self.layer.close()
        if self._receiver is not None:
            self._receiver.cancel()
        self._follow(SessionEvent.ENDED)

    def _follow(self, event: SessionEvent) -> None:
        self.state = following(SESSION, self.state, event)

    # Groups

    async def enter(self, groups: Iterable[str]) -> None:
        """Joins the groups, and proves it."""
        added = []
        for group in groups:
            await self.layer.group_add(group, self._channel)
            added.append(group)
        # On one connection subscriptions take effect in order, so that the last proves them all.
        for group in added[-1:] if shards() == 1 else added:
            await self._probes.prove(self.layer, group)
        self.joined.update(added)

    async def leave(self, groups: Iterable[str], wanted: Collection[str]) -> None:
        """wanted: checked before each group, because a group may be wanted again while others are left."""
        for group in groups:
            if group not in wanted:
                self.joined.discard(group)
                await self.layer.group_discard(group, self._channel)

    async def _receive(self) -> None:
        try:
            await self.layer.hear(self._channel, self._on_event)
        except Exception as exc:
            self.lose(f"cannot receive: {type(exc).__name__}: {exc}")

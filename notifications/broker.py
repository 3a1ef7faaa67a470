"""
The hub's end of the channel layer: one channel, the groups it is in, and whether messages still get through.

A canary, published to itself every 2 s, is the only proof that they do: a layer on Redis cannot see a
half-open connection, and what is published while it resubscribes is lost. When the canary falls silent the
layer is thrown away and a new one made; when it sings again, or had skipped a note, the hub is told since
when messages may be missing.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

from notifications.conf import cable_settings
from notifications.events import CONTROL_GROUP, PROBE, probe_event
from notifications.layers import Layer, open_layer, shards
from notifications.metrics import metrics

logger = logging.getLogger(__name__)

PROBE_AGAIN_SECONDS = 0.05
# Groups are spread over the shards by hash; this many canaries reach each shard but once in 3,000 processes.
CANARIES_PER_SHARD = 8


class Canary:
    """One group of our own. sung: the last note sent, and when; heard: the last that came back."""

    __slots__ = ("group", "heard", "heard_at", "sung", "sung_at")

    def __init__(self, group: str) -> None:
        self.group = group
        self.sung = self.heard = 0
        self.sung_at = self.heard_at = 0.0

    def sing(self, now: float) -> dict[str, Any]:
        self.sung += 1
        self.sung_at = now
        return probe_event(f"{self.group}:{self.sung}")

    def hear(self, note: int) -> bool:
        """Whether no note was skipped. Everything published before it was sung has arrived."""
        complete = note <= self.heard + 1
        if note > self.heard:
            self.heard, self.heard_at = note, self.sung_at
        return complete


class _Session:
    """One layer, for as long as it answers."""

    def __init__(self, layer: Layer, channel: str) -> None:
        self.layer = layer
        self.channel = channel
        self.joined: set[str] = set()
        self.receiver: asyncio.Task[None] | None = None

    async def close(self) -> None:
        await self.layer.close()
        if self.receiver is not None:
            self.receiver.cancel()


class Broker:
    """
    on_event is called, on the loop, with each event of the groups joined. on_gap is called with the time
    (seconds since the epoch) of the last message known to have got through, whenever others may not have.
    """

    def __init__(self, on_event: Callable[[dict[str, Any]], None], on_gap: Callable[[float], None]) -> None:
        self._on_event = on_event
        self._on_gap = on_gap
        self._session: _Session | None = None
        self._wanted: set[str] = {CONTROL_GROUP}
        self._pending: dict[str, asyncio.Future[None]] = {}
        self._probes: dict[str, asyncio.Event] = {}
        self._name = secrets.token_hex(8)
        self._canaries = self._make_canaries()
        self._join_wanted = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self.last_good = time.time()
        self.tried = asyncio.Event()

    def _make_canaries(self) -> dict[str, Canary]:
        count = 1 if shards() == 1 else CANARIES_PER_SHARD * shards()
        groups = (f"cable.canary.{self._name}.{index}" for index in range(count))
        return {group: Canary(group) for group in groups}

    @property
    def healthy(self) -> bool:
        return self._session is not None

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._watch()), loop.create_task(self._join_pending())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    # Groups

    async def join(self, group: str) -> None:
        """
        Returns once what is published to the group reaches us; or, while the broker is away, at once or after
        JOIN_TIMEOUT: the group is joined when it is back, and the catch-up brings what was missed.
        """
        self._wanted.add(group)
        if self._session is not None and group in self._session.joined:
            return
        if group not in self._pending:
            self._pending[group] = asyncio.get_running_loop().create_future()
        self._join_wanted.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(cable_settings().join_timeout):
                await asyncio.shield(self._pending[group])

    def leave(self, group: str) -> None:
        """Not at once: whoever reconnects within the next seconds finds the group still joined."""
        self._wanted.discard(group)

    async def _join_pending(self) -> None:
        """All joins that wait go together, and one proof serves them all."""
        while True:
            await self._join_wanted.wait()
            self._join_wanted.clear()
            session = self._session
            if session is None:
                continue
            groups = [group for group in self._pending if group not in session.joined]
            try:
                async with asyncio.timeout(cable_settings().canary_timeout):
                    await self._enter(session, groups)
            except Exception as exc:
                self._lose(session, f"cannot join groups: {type(exc).__name__}: {exc}")
                continue
            self._resolve(groups)

    async def _enter(self, session: _Session, groups: Iterable[str]) -> None:
        """Join, and prove it: the layer returns before Redis has heard of the subscription."""
        added = []
        for group in groups:
            await session.layer.group_add(group, session.channel)
            added.append(group)
        # On one connection subscriptions take effect in order, so that the last proves them all.
        for group in added[-1:] if shards() == 1 else added:
            await self._prove(session, group)
        session.joined.update(added)

    async def _prove(self, session: _Session, group: str) -> None:
        nonce = f"{self._name}:{secrets.token_hex(4)}"
        arrived = self._probes[nonce] = asyncio.Event()
        try:
            while not arrived.is_set():
                await session.layer.group_send(group, probe_event(nonce))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PROBE_AGAIN_SECONDS):
                        await arrived.wait()
        finally:
            del self._probes[nonce]

    def _resolve(self, groups: Iterable[str]) -> None:
        for group in tuple(groups):
            future = self._pending.pop(group, None)
            if future is not None and not future.done():
                future.set_result(None)

    async def _leave_unwanted(self, session: _Session) -> None:
        for group in session.joined - self._wanted - self._canaries.keys():
            session.joined.discard(group)
            await session.layer.group_discard(group, session.channel)
            if group in self._wanted:  # wanted again while it was being left
                await self._enter(session, [group])

    # Events

    async def _receive(self, session: _Session) -> None:
        while True:
            event = await session.layer.receive(session.channel)
            if event.get("type") == PROBE:
                self._hear(event["nonce"])
            else:
                self._on_event(event)

    def _hear(self, nonce: str) -> None:
        if nonce in self._probes:
            self._probes[nonce].set()
            return
        group, _, note = nonce.rpartition(":")
        canary = self._canaries.get(group)
        if canary is None:
            return
        last_good = self.last_good
        complete = canary.hear(int(note))
        self.last_good = min(each.heard_at for each in self._canaries.values())
        if not complete:
            metrics.count("broker_gaps")
            self._on_gap(last_good)

    # Health

    async def _watch(self) -> None:
        while True:
            session = self._session
            if session is None:
                await self._connect()
            else:
                try:
                    await self._check(session)
                except Exception as exc:
                    self._lose(session, f"{type(exc).__name__}: {exc}")
                    continue
            await asyncio.sleep(cable_settings().canary_interval)

    async def _check(self, session: _Session) -> None:
        """Raises when the broker does not answer; TimeoutError when nothing came back for CANARY_TIMEOUT."""
        silent = time.time() - self.last_good
        remaining = cable_settings().canary_timeout - silent
        if remaining <= 0:
            raise TimeoutError(f"no echo for {silent:.1f} s")
        async with asyncio.timeout(remaining):
            for canary in self._canaries.values():
                await session.layer.group_send(canary.group, canary.sing(time.time()))
            await self._leave_unwanted(session)

    async def _connect(self) -> None:
        layer = open_layer()
        wanted = [*self._canaries, *self._wanted]
        try:
            async with asyncio.timeout(cable_settings().canary_timeout + len(wanted) / 1_000):
                session = _Session(layer, await layer.new_channel())
                session.receiver = asyncio.get_running_loop().create_task(self._receive(session))
                try:
                    await self._enter(session, wanted)
                except BaseException:
                    session.receiver.cancel()
                    raise
        except Exception as exc:
            self.tried.set()
            logger.warning("the broker is away: %s: %s", type(exc).__name__, exc)
            self._close_later(layer.close())
            self._resolve(self._pending)
            return
        self._begin(session)

    def _begin(self, session: _Session) -> None:
        last_good, now = self.last_good, time.time()
        for canary in self._canaries.values():
            canary.heard, canary.heard_at = canary.sung, now
        self.last_good = now
        self._session = session
        self.tried.set()
        logger.info("the broker answers: %d groups joined", len(session.joined))
        self._resolve(session.joined)
        self._join_wanted.set()  # for whoever asked while the rest was being joined
        self._on_gap(last_good)

    def _lose(self, session: _Session, reason: str) -> None:
        if session is not self._session:
            return
        self._session = None
        metrics.count("broker_losses")
        logger.warning("the broker no longer answers: %s", reason)
        self._resolve(self._pending)
        self._close_later(session.close())

    def _close_later(self, closing: Any) -> None:
        """A layer that no longer answers takes its time to close; nobody waits for it."""
        task = asyncio.get_running_loop().create_task(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

"""
The hub's end of the channel layer: one channel, the groups it is in, and whether messages still get through.

A canary, published to itself every 2 s, is the only proof that they do: a layer on Redis cannot see a
half-open connection, and what is published while it resubscribes is lost. When the canary falls silent, or a
connection was replaced, the layer is thrown away and a new one made; when that one answers, or a note was
skipped, the hub is told since when messages may be missing.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

from notifications.canary import Canary
from notifications.conf import cable_settings
from notifications.events import CONTROL_GROUP, PROBE, probe_event
from notifications.layers import Layer, open_layer, shards
from notifications.metrics import metrics

logger = logging.getLogger(__name__)

PROBE_AGAIN_SECONDS = 0.05
# While the broker is away. Attempts overlap: one that a half-open network swallowed must not delay the next.
CONNECT_AGAIN_SECONDS = 0.5
CANCEL_AGAIN_SECONDS = 0.5
# Groups are spread over the shards by hash; so many canaries miss a shard once in nine million times.
CANARIES_PER_SHARD = 16
# Of groups left at a time, so that a mass departure does not delay the canary.
LEAVES = 500


class _Session:
    """One layer, for as long as it answers."""

    def __init__(self, layer: Layer) -> None:
        self.layer = layer
        self.channel = ""
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
        # Groups whose join was reported before it was proved → when.
        self._unproved: dict[str, float] = {}
        self._probes: dict[str, asyncio.Event] = {}
        self._name = secrets.token_hex(8)
        self._canaries = self._make_canaries()
        self._join_wanted = asyncio.Event()
        self._lost = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._last_good = time.monotonic()
        self.tried = asyncio.Event()

    def _make_canaries(self) -> dict[str, Canary]:
        count = 1 if shards() == 1 else CANARIES_PER_SHARD * shards()
        groups = (f"cable.canary.{self._name}.{index}" for index in range(count))
        return {group: Canary(group) for group in groups}

    @property
    def healthy(self) -> bool:
        return self._session is not None

    @property
    def last_good(self) -> float:
        """When the last message known to have got through was sent, in seconds since the epoch."""
        return _wall_clock(self._last_good)

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._watch()), loop.create_task(self._join_pending())]

    async def stop(self) -> None:
        running = set(self._tasks)
        while running:
            # Again, if need be: a cancellation that meets an answer of Redis may be swallowed below us.
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    # Groups

    async def join(self, group: str) -> None:
        """
        Returns once what is published to the group reaches us; or, while the broker is away, at once or after
        JOIN_TIMEOUT: the group is joined when it is back, and the catch-up brings what was missed.
        """
        self._wanted.add(group)
        if group in self._joined or (self._session is None and self.tried.is_set()):
            return
        asked_at = time.time()
        joined = self._pending.setdefault(group, asyncio.get_running_loop().create_future())
        self._join_wanted.set()
        try:
            async with asyncio.timeout(cable_settings().join_timeout):
                await asyncio.shield(joined)
        except TimeoutError:
            if group not in self._joined:
                self._unproved.setdefault(group, asked_at)

    @property
    def _joined(self) -> set[str]:
        return set() if self._session is None else self._session.joined

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
            self._report_unproved(groups)

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

    def _report_unproved(self, groups: Iterable[str]) -> None:
        """Somebody counted on these groups before they were joined: what came between may be missing."""
        since = [self._unproved.pop(group) for group in groups if group in self._unproved]
        if since:
            self._on_gap(min(since))

    async def _leave_unwanted(self, session: _Session) -> None:
        unwanted = session.joined - self._wanted - self._canaries.keys()
        for group in sorted(unwanted)[:LEAVES]:
            if group in self._wanted:  # again, while others were being left
                continue
            session.joined.discard(group)
            await session.layer.group_discard(group, session.channel)

    # Events

    async def _receive(self, session: _Session) -> None:
        try:
            while True:
                self._handle(await session.layer.receive(session.channel))
        except Exception as exc:
            self._lose(session, f"cannot receive: {type(exc).__name__}: {exc}")

    def _handle(self, event: dict[str, Any]) -> None:
        """Never raises: an event that cannot be read must not cost those behind it."""
        try:
            if event.get("type") == PROBE:
                self._hear(event["nonce"])
            else:
                self._on_event(event)
        except Exception:
            metrics.count("bad_events")
            logger.exception("an event could not be handled; the next reconcile has what it said")

    def _hear(self, nonce: str) -> None:
        if nonce in self._probes:
            self._probes[nonce].set()
            return
        group, _, note = nonce.rpartition(":")
        canary = self._canaries.get(group)
        if canary is None:
            return
        last_good = self._last_good
        complete = canary.hear(int(note))
        self._last_good = min(each.heard_at for each in self._canaries.values())
        if not complete:
            metrics.count("broker_gaps")
            self._on_gap(_wall_clock(last_good))

    # Health

    async def _watch(self) -> None:
        while True:
            session = self._session
            if session is None:
                await self._connect()
                continue
            try:
                await self._check(session)
            except Exception as exc:
                self._lose(session, f"{type(exc).__name__}: {exc}")
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(cable_settings().canary_interval, self._patience)):
                    await self._lost.wait()

    @property
    def _patience(self) -> float:
        """Seconds for which an echo may still be awaited."""
        return cable_settings().canary_timeout - (time.monotonic() - self._last_good)

    async def _check(self, session: _Session) -> None:
        """Raises when the broker does not answer; TimeoutError when nothing came back for CANARY_TIMEOUT."""
        if (patience := self._patience) <= 0:
            raise TimeoutError("no echo")
        async with asyncio.timeout(patience):
            for canary in self._canaries.values():
                await session.layer.group_send(canary.group, probe_event(canary.sing(time.monotonic())))
            await self._leave_unwanted(session)

    async def _connect(self) -> None:
        session = await self._reach()
        wanted = tuple(self._wanted)
        try:
            async with asyncio.timeout(cable_settings().canary_timeout + len(wanted) / 1_000):
                await self._enter(session, wanted)
        except BaseException as exc:
            self._close_later(session.close())
            if not isinstance(exc, Exception):
                raise
            self._away(exc)
            await asyncio.sleep(CONNECT_AGAIN_SECONDS)
            return
        self._begin(session)

    async def _reach(self) -> _Session:
        """The first session whose canaries come back."""
        attempts: set[asyncio.Task[_Session]] = set()
        try:
            while True:
                attempts.add(asyncio.get_running_loop().create_task(self._attempt()))
                done, attempts = await asyncio.wait(
                    attempts, timeout=CONNECT_AGAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
                for task in done:
                    if (failure := task.exception()) is None:
                        return task.result()
                    self._away(failure)
                    await asyncio.sleep(CONNECT_AGAIN_SECONDS)
        finally:
            for task in attempts:
                task.cancel()

    async def _attempt(self) -> _Session:
        session = _Session(open_layer())
        try:
            async with asyncio.timeout(cable_settings().canary_timeout):
                session.channel = await session.layer.new_channel()
                session.receiver = asyncio.get_running_loop().create_task(self._receive(session))
                await self._enter(session, self._canaries)
        except BaseException:
            self._close_later(session.close())
            raise
        return session

    def _begin(self, session: _Session) -> None:
        last_good, self._last_good = self._last_good, time.monotonic()
        for canary in self._canaries.values():
            canary.begin(self._last_good)
        self._session = session
        self._lost.clear()
        session.layer.on_reconnect(lambda: self._lose(session, "a connection was replaced"))
        self.tried.set()
        logger.info("the broker answers: %d groups joined", len(session.joined))
        self._on_gap(_wall_clock(last_good))
        self._resolve(session.joined)
        self._unproved.clear()
        # Whoever asked while the rest was being joined.
        for group in self._wanted - session.joined:
            self._pending.setdefault(group, asyncio.get_running_loop().create_future())
            self._unproved[group] = time.time()
        self._join_wanted.set()

    def _away(self, failure: BaseException) -> None:
        if not self.tried.is_set():
            logger.warning("the broker is away: %s: %s", type(failure).__name__, failure)
        self.tried.set()
        self._resolve(self._pending)

    def _lose(self, session: _Session, reason: str) -> None:
        if session is not self._session:
            return
        self._session = None
        self._lost.set()
        metrics.count("broker_losses")
        logger.warning("the broker no longer answers: %s", reason)
        self._resolve(self._pending)
        self._close_later(session.close())

    def _close_later(self, closing: Coroutine[Any, Any, None]) -> None:
        """A layer that no longer answers takes its time to close; nobody waits for it."""
        task = asyncio.get_running_loop().create_task(closing)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _wall_clock(monotonic: float) -> float:
    """Seconds since the epoch; by the clock as it stands now."""
    return time.time() - (time.monotonic() - monotonic)

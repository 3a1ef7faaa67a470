"""
The hub's side of the channel layer: its groups, and whether messages still get through.

A canary, which the process publishes to itself every 2 s, is the only proof of that: a layer on Redis cannot
detect a half-open connection. When the canary does not come back, or a connection is lost, the layer is
discarded and a new one made. When the new layer answers, or when a note of the canary was skipped, the hub is
told since when messages may be missing.

The states of a session and of the link are tables: session_states.py. This file acts on them.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..conf import cable_settings
from ..ground.jobs import Jobs
from ..ground.limits import seldom
from ..ground.metrics import metrics
from ..ground.supervision import Supervisor
from ..wire.states import following
from .canary import Canaries
from .connector import Connector
from .events import PROBE, canary_group, control_group, probe_event
from .groups import Groups
from .layers import open_layer, shards
from .probes import Probes
from .refusals import describe
from .session import Session
from .session_states import LINK, NOBODY_WAITS, LinkEvent, LinkState

logger = logging.getLogger(__name__)

# Groups are spread over the shards by hash; with so many canaries, the chance to miss a shard is one in nine
# million.
CANARIES_PER_SHARD = 16
# Groups left at a time, so that many disconnects at once do not delay the canary.
LEAVES = 500


class Broker:
    """
    on_event is called, on the loop, with each event of the groups joined. on_gap is called whenever messages
    may be missing, with the time (seconds since the epoch) of the last one known to have arrived. tried: set
    once it is known whether the broker answers.
    """

    def __init__(self, on_event: Callable[[dict[str, Any]], None], on_gap: Callable[[float], None]) -> None:
        self._on_event = on_event
        self._on_gap = on_gap
        name = secrets.token_hex(8)
        self._canaries = Canaries(_canary_groups(name), time.monotonic())
        self._probes = Probes(name)
        self._groups = Groups([control_group()])
        self._link = LinkState.UNTRIED
        # The one in use.
        self._session: Session | None = None
        self._join_wanted = asyncio.Event()
        self._lost = asyncio.Event()
        self._supervisor = Supervisor()
        self._closing = Jobs("the broker")
        self._connector = Connector(
            self._make_session,
            canaries=self._canaries.groups,
            wanted=self._groups.wanted,
            on_failure=self._away,
            closing=self._closing,
        )
        self.tried = asyncio.Event()

    @property
    def healthy(self) -> bool:
        return self._link is LinkState.UP

    @property
    def last_good(self) -> float:
        """When the last message known to have got through was sent, in seconds since the epoch."""
        return _wall_clock(self._canaries.heard_at)

    def cut(self) -> None:
        """Breaks the connection, as a network failure would. Only on its loop."""
        if self._session is not None:
            self._session.layer.cut()

    @property
    def tasks_down(self) -> bool:
        return bool(self._supervisor.down)

    def start(self) -> None:
        self._supervisor.keep("broker_watch", self._watch)
        self._supervisor.keep("broker_join", self._join_waiting)

    async def stop(self) -> None:
        await self._supervisor.stop()
        self._follow(LinkEvent.STOP)
        session, self._session = self._session, None
        if session is not None:
            session.discard()
            await session.close()

    def _follow(self, event: LinkEvent) -> None:
        self._link = following(LINK, self._link, event)

    # Groups

    async def join(self, group: str) -> None:
        """
        Returns once messages to the group reach us. While the broker is down it returns at once, or after
        JOIN_TIMEOUT: the group is joined when the broker is back, and the catch-up delivers what was missed.
        """
        self._groups.wanted.add(group)
        if self._is_joined(group) or self._link in NOBODY_WAITS:
            return
        asked_at = time.time()
        joined = self._groups.joined(group)
        self._join_wanted.set()
        try:
            async with asyncio.timeout(cable_settings().join_timeout):
                await asyncio.shield(joined)
        except TimeoutError:
            if not self._is_joined(group):
                self._groups.count_on(group, asked_at)

    def _is_joined(self, group: str) -> bool:
        return self._session is not None and group in self._session.joined

    def leave(self, group: str) -> None:
        """Not at once: a client that reconnects within the next seconds finds the group still joined."""
        self._groups.wanted.discard(group)

    async def _join_waiting(self) -> None:
        """Joins all waiting groups together, with one proof for all."""
        # Also the joins that this task left unfinished when it ended before.
        self._join_wanted.set()
        while True:
            await self._join_wanted.wait()
            self._join_wanted.clear()
            if (session := self._session) is not None:
                await self._join_all(session)

    async def _join_all(self, session: Session) -> None:
        groups = [group for group in self._groups.waiting if group not in session.joined]
        try:
            async with asyncio.timeout(cable_settings().canary_timeout):
                await session.enter(groups)
        except Exception as exc:
            session.lose(f"cannot join groups: {type(exc).__name__}: {exc}")
            return
        self._groups.resolve(groups)
        if (since := self._groups.proved(groups)) is not None:
            self._on_gap(since)

    async def _leave_unwanted(self, session: Session) -> None:
        unwanted = session.joined - self._groups.wanted - set(self._canaries.groups)
        await session.leave(sorted(unwanted)[:LEAVES], self._groups.wanted)

    # Events

    def _handle(self, event: dict[str, Any]) -> None:
        """Never raises: an event that cannot be read must not stop those behind it."""
        try:
            if event.get("type") == PROBE:
                self._hear(event["nonce"])
            else:
                self._on_event(event)
        except Exception:
            metrics.count("bad_events")
            if (also := seldom.left_out("bad event")) is not None:
                logger.exception(
                    "an event could not be processed; clients receive its changes with the next reconcile%s",
                    also,
                )

    def _hear(self, nonce: str) -> None:
        if self._probes.hear(nonce):
            return
        last_good = self.last_good
        if not self._canaries.hear(nonce):
            metrics.count("broker_gaps")
            self._on_gap(last_good)

    # While the broker answers

    async def _watch(self) -> None:
        while True:
            if (session := self._session) is None:
                self._begin(await self._connector.connect())
                continue
            try:
                await self._check(session)
            except Exception as exc:
                session.lose(f"{type(exc).__name__}: {exc}")
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(cable_settings().canary_interval, self._patience)):
                    await self._lost.wait()

    @property
    def _patience(self) -> float:
        """Seconds for which an echo may still be awaited."""
        return cable_settings().canary_timeout - (time.monotonic() - self._canaries.heard_at)

    async def _check(self, session: Session) -> None:
        """Raises when the broker does not answer; TimeoutError when nothing came back for CANARY_TIMEOUT."""
        if (patience := self._patience) <= 0:
            raise TimeoutError("no echo")
        async with asyncio.timeout(patience):
            for group, note in self._canaries.sing(time.monotonic()):
                await session.layer.group_send(group, probe_event(note))
            await self._leave_unwanted(session)

    # Connecting, and losing the connection

    def _make_session(self) -> Session:
        return Session(open_layer(for_hub=True), self._probes, self._handle, self._on_lost)

    def _begin(self, session: Session) -> None:
        last_good = self.last_good
        self._canaries.begin(time.monotonic())
        # At the level of the message that it was down.
        level = logging.WARNING if self._link is LinkState.AWAY else logging.INFO
        logger.log(level, "the broker answers: %d groups joined", len(session.joined))
        self._follow(LinkEvent.CONNECTED)
        self._session = session
        self._lost.clear()
        session.begin()
        self.tried.set()
        self._on_gap(last_good)
        self._groups.resolve(session.joined)
        # Joins that were requested while the others were made.
        self._groups.begin_again(self._groups.wanted - session.joined, time.time())
        self._join_wanted.set()

    def _away(self, failure: BaseException) -> None:
        if self._link is LinkState.UNTRIED:
            logger.warning("the broker is down: %s", describe(failure))
        self._follow(LinkEvent.FAILED)
        self.tried.set()
        self._groups.resolve(self._groups.waiting)

    def _on_lost(self, session: Session, reason: str) -> None:
        self._session = None
        self._follow(LinkEvent.LOST)
        self._lost.set()
        metrics.count("broker_losses")
        logger.warning("the broker no longer answers: %s", reason)
        self._groups.resolve(self._groups.waiting)
        # A layer that no longer answers is slow to close, so nothing waits for it.
        self._closing.spawn(session.close())


def _canary_groups(name: str) -> Iterator[str]:
    count = 1 if shards() == 1 else CANARIES_PER_SHARD * shards()
    return (canary_group(name, index) for index in range(count))


def _wall_clock(monotonic: float) -> float:
    """Seconds since the epoch, by the present setting of the clock."""
    return time.time() - (time.monotonic() - monotonic)

"""
One per process: who is connected, who gets what, heartbeat, catch-up.

The consumer registers its socket here and otherwise has no channel, queue or task. The hub holds one channel
of the layer (broker.py), joins the group of a user while a socket of that user is subscribed here, and fans
out locally: Redis sees one subscription per user and process, however many sockets there are.

Redis makes it fast, the tables make it certain: whenever messages may have been missed (on_gap), and on a
slow clock besides, the hub has catch_up.py read from the tables what changed and deliver what was not.
"""

import asyncio
import contextlib
import logging
import math
import random
import secrets
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from notifications import events, journal, protocol
from notifications.admission import AuthenticationUnavailable, Doorkeeper
from notifications.authentication import Admission, Handshake
from notifications.broker import Broker
from notifications.catch_up import CatchUp
from notifications.commands import Commands
from notifications.conf import cable_settings
from notifications.connection import TOO_MANY, Connection, Send
from notifications.database import DatabaseThreads
from notifications.framing import DirectWrite
from notifications.heartbeat import TimerWheel
from notifications.history import MICROSECONDS
from notifications.limits import breaches
from notifications.metrics import metrics
from notifications.models import Epoch
from notifications.payloads import Change, Key, key_of
from notifications.protocol import Command
from notifications.publisher import publish_answer, publisher
from notifications.registry import Registry
from notifications.state import State, snapshot
from notifications.writable import require_writable

logger = logging.getLogger(__name__)

# One slot of the timer wheel every 50 ms.
TICK_SECONDS = 0.05
# A revocation may overtake the handshake it concerns; it is remembered for longer than a handshake takes.
REVOCATION_MEMORY_SECONDS = 30.0
HEALTH_SECONDS = 2.0


class Hub:
    def __init__(self) -> None:
        settings = cable_settings()
        self.registry = Registry()
        self._revocations: deque[tuple[float, dict[str, Any]]] = deque()
        self._wheel: TimerWheel[Connection] = TimerWheel(max(1, round(settings.ping_interval / TICK_SECONDS)))
        self._readers = DatabaseThreads(4, "cable-history")
        self._doors = DatabaseThreads(2, "cable-admission")
        self._health = DatabaseThreads(1, "cable-health")
        self.doorkeeper = Doorkeeper(self._doors)
        self.broker = Broker(self._on_event, self._on_gap)
        self.catch_up = CatchUp(self.registry, self._revalidate)
        self._epoch = ""
        self._reading_epoch: asyncio.Task[None] | None = None
        self._gaps = 0
        self._commands = Commands(
            self.registry,
            self.broker,
            self._readers,
            self.catch_up,
            on_epoch=self._adopt_epoch,
            on_limit=self._break,
        )
        self._tasks: set[asyncio.Task[Any]] = set()
        self._database_asked_at = -math.inf
        self._database_answers: asyncio.Future[bool]
        self.draining = False

    def start(self) -> None:
        publisher.attach(asyncio.get_running_loop())
        self.broker.start()
        self._spawn(self.catch_up.run())
        self._spawn(self._beat())
        self._spawn(self._reconcile())

    async def stop(self) -> None:
        publisher.detach(asyncio.get_running_loop())
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.broker.stop()
        pools = (self._readers, self.catch_up, self._doors, self._health)
        await asyncio.gather(*(threads.close() for threads in pools))

    def _spawn(self, job: Any) -> None:
        task = asyncio.get_running_loop().create_task(job)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            logger.error("a task of the hub failed", exc_info=failure)

    # Sockets come and go

    async def authenticate(self, handshake: Handshake) -> Admission | None:
        """None: this handshake has no right to a socket. Raises AuthenticationUnavailable."""
        if not self._epoch:
            await self._read_first_epoch()
        gaps = None
        while gaps != self._gaps:  # word of a revocation may have been lost while we asked
            gaps, asked_at = self._gaps, time.monotonic()
            admission = await self.doorkeeper.authenticate(handshake)
        return None if admission is None or self._revoked_since(admission, asked_at) else admission

    def open(
        self, send: Send, admission: Admission, *, extended: bool, direct: DirectWrite | None = None
    ) -> Connection:
        """Register an accepted socket and welcome it."""
        group = events.group_for_user(admission.user_id)
        position = protocol.position_of(group, self._epoch) if extended else None
        connection = Connection(send, direct, admission, position, cable_settings(), self._forget)
        connection.write(protocol.welcome(secrets.token_urlsafe(12) if extended else None))
        if len(self.registry.of_user(connection.user_id)) >= cable_settings().max_sockets_per_user:
            self._break(connection, "sockets_per_user")
            return connection
        self.registry.add(connection)
        connection.slot = self._wheel.add(connection, random.random())  # noqa: S311 spreads, hides nothing
        metrics.count("connections_opened")
        journal.opened(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        """It ended, whoever ended it: from now on nothing is delivered to it."""
        if connection not in self.registry:
            return
        self.registry.remove(connection)
        self._commands.stop_listening(connection)
        self._wheel.remove(connection, connection.slot)
        metrics.count(f"connections_closed:{connection.closed}")
        journal.closed(connection)

    def _break(self, connection: Connection, limit: str) -> None:
        breaches.report(limit, f"closed a socket of user {connection.user_id}")
        connection.close(protocol.LIMIT, reconnect=False, code=TOO_MANY)

    # Commands

    async def handle(self, connection: Connection, command: Command) -> None:
        """Raises ProtocolError for what is answered with silence."""
        await self._commands.handle(connection, command)

    def count_command(self, connection: Connection, size: int) -> bool:
        """Whether the socket is within its limits; otherwise it was closed."""
        connection.frames_in += 1
        if size > cable_settings().max_frame_bytes:
            self._break(connection, "frame_bytes")
        elif not connection.allows_command():
            self._break(connection, "commands_per_second")
        return connection.closed is None

    # Events of other processes (and of this one)

    def _on_event(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == events.CHANGES:
            self._on_changes(event)
        elif kind == events.DISCONNECT:
            self._on_disconnect(event)
        elif kind == events.EPOCH:
            self._spawn(self._read_epoch())
        elif kind == events.ASK:
            publish_answer(event["answer_to"], self.snapshot(event["users"]))

    def _on_changes(self, event: dict[str, Any]) -> None:
        certain = self.catch_up.reconciled
        for fields in event["changes"]:
            change = Change._make(fields)
            if self.catch_up.note(change):
                for connection in self.registry.listeners(change.user_id):
                    connection.deliver(change, certain)
            else:
                metrics.count("stale")
        metrics.commit_to_socket.observe(int((time.time() - event["at"]) * 1e6))

    def _on_disconnect(self, event: dict[str, Any]) -> None:
        self._revocations.append((time.monotonic(), event))
        for connection in self.registry.of_user(event["user_id"]):
            if _concerns(event, connection.admission):
                connection.close(event["reason"], reconnect=event["reconnect"])

    def _revoked_since(self, admission: Admission, asked_at: float) -> bool:
        while self._revocations and self._revocations[0][0] < time.monotonic() - REVOCATION_MEMORY_SECONDS:
            self._revocations.popleft()
        return any(at >= asked_at and _concerns(event, admission) for at, event in self._revocations)

    # The epoch

    async def _read_first_epoch(self) -> None:
        """All handshakes that wait for it, a whole storm perhaps, share one query."""
        if self._reading_epoch is None or self._reading_epoch.done():
            self._reading_epoch = asyncio.get_running_loop().create_task(self._read_epoch())
            # Those who wait may have given up by then: its failure is theirs to tell.
            self._reading_epoch.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            async with asyncio.timeout(cable_settings().authentication_timeout):
                await asyncio.shield(self._reading_epoch)
        except Exception as exc:
            raise AuthenticationUnavailable(type(exc).__name__) from exc

    async def _read_epoch(self) -> None:
        self._adopt_epoch(await self._readers.run(Epoch.current))

    def _adopt_epoch(self, epoch: str) -> None:
        if epoch == self._epoch:
            return
        logger.info("positions are numbered by epoch %s", epoch)
        self._epoch = epoch
        for connection in self.registry.connections:
            if connection.extended:
                group = events.group_for_user(connection.user_id)
                connection.position = protocol.position_of(group, epoch)

    # Heartbeat

    async def _beat(self) -> None:
        """Pings, and the end of those whose right expired. Catches up when the loop was late."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due += TICK_SECONDS
            late = loop.time() - due
            if late < 0:
                await asyncio.sleep(-late)
            elif late > 1:
                due = loop.time()
            metrics.ping_lateness.observe(int(late * 1e6))
            frame = protocol.ping(int(time.time()))
            for connection in self._wheel.advance():
                connection.write_first(frame)
            for connection in self.registry.expire(time.time()):
                connection.close(protocol.UNAUTHORIZED, reconnect=False)

    # The certain path

    def _on_gap(self, last_good: float) -> None:
        self._gaps += 1
        self.catch_up.owe(int(last_good * MICROSECONDS))

    async def _reconcile(self) -> None:
        """On a slow clock: rows changed without a signal, publishers that died, lost revocations."""
        while True:
            await asyncio.sleep(_jittered(cable_settings().reconcile_interval))
            try:
                self.catch_up.owe()
                await self._read_epoch()
            except Exception as exc:
                metrics.count("reconcile_failures")
                logger.warning("could not reconcile, will retry: %s: %s", type(exc).__name__, exc)

    async def _revalidate(self, connections: Iterable[Connection]) -> None:
        asked = list(connections)
        if not asked:
            return
        admitted = await self.doorkeeper.still_admitted([each.admission for each in asked])
        for connection, still in zip(asked, admitted, strict=True):
            if not still:
                connection.close(protocol.UNAUTHORIZED, reconnect=False)

    # What it holds

    def state(self) -> State:
        return State.of(self.registry, self.broker, self.catch_up, draining=self.draining)

    def snapshot(self, users: Sequence[Key] | None) -> dict[str, Any]:
        return snapshot(self.state(), self.registry, users)

    # Health

    async def database_answers(self) -> bool:
        """Whether it can be written to. Asked once a second at most, however often we are."""
        if time.monotonic() - self._database_asked_at > 1:
            self._database_asked_at = time.monotonic()
            self._database_answers = asyncio.ensure_future(self._ask_database())
        return await asyncio.shield(self._database_answers)

    async def _ask_database(self) -> bool:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await self._health.run(require_writable)
        except Exception as exc:
            logger.warning("the database does not answer: %s: %s", type(exc).__name__, exc)
            return False
        return True

    async def broker_answers(self) -> bool:
        """A hub that has just begun is given the time to find out."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEALTH_SECONDS):
                await self.broker.tried.wait()
        return self.broker.healthy

    # Shutdown

    async def drain(self, seconds: float) -> None:
        """
        Send every client elsewhere, spread evenly over the time and a tenth more, so that no second of ten
        has more than a tenth of them: the next server is not to be stormed.
        """
        self.draining = True
        seconds *= 1.1
        connections = list(self.registry.connections)
        random.shuffle(connections)
        started = asyncio.get_running_loop().time()
        for index, connection in enumerate(connections, start=1):
            connection.close(protocol.SERVER_RESTART, reconnect=True)
            ahead = started + seconds * index / len(connections) - asyncio.get_running_loop().time()
            if ahead > TICK_SECONDS or index == len(connections):
                await asyncio.sleep(max(0, ahead))


def _jittered(seconds: float) -> float:
    """So that the processes do not all ask at once."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 spreads, hides nothing


def _concerns(event: dict[str, Any], admission: Admission) -> bool:
    theirs = event["user_id"] == key_of(admission.user_id)
    return theirs and (event["keys"] is None or admission.key in event["keys"])


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def current_hub() -> Hub:
    """The hub of the running loop; made and started on first use."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
        hub.start()
    return hub


def running_hub() -> Hub | None:
    """The hub of the running loop, if it has one."""
    return _hubs.get(asyncio.get_running_loop())


async def stop_hub() -> None:
    hub = _hubs.pop(asyncio.get_running_loop(), None)
    if hub is not None:
        await hub.stop()

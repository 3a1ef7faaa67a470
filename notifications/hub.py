"""
One per process: who is connected, who gets what, heartbeat, catch-up.

The consumer registers its socket here and otherwise has no channel, queue or task. The hub holds one channel
of the layer (broker.py), joins the group of a user while a socket of that user is subscribed here, and fans
out locally: Redis sees one subscription per user and process, however many sockets there are.

Redis makes it fast, the tables make it certain: whenever messages may have been missed (on_gap), and on a
slow clock besides, the hub reads from the tables what changed (history.py) and delivers what was not.
"""

import asyncio
import contextlib
import logging
import random
import secrets
import time
from collections import deque
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection as database

from notifications import events, protocol
from notifications.admission import Doorkeeper
from notifications.authentication import Admission, Handshake
from notifications.broker import Broker
from notifications.conf import cable_settings
from notifications.connection import TOO_MANY, Connection, Send
from notifications.database import DatabaseStream, DatabaseThreads
from notifications.heartbeat import TimerWheel
from notifications.history import (
    MICROSECONDS,
    HistoryGone,
    TooMuchToReplay,
    changes_since,
    overlap,
    resume_position,
)
from notifications.metrics import metrics
from notifications.models import Epoch
from notifications.payloads import Change, Key
from notifications.protocol import Command, HistoryRequest
from notifications.publisher import publisher
from notifications.recent import RecentChanges
from notifications.subscriptions import AlreadySubscribed, Subscription, TooManySubscriptions

logger = logging.getLogger(__name__)

# One slot of the timer wheel every 50 ms.
TICK_SECONDS = 0.05
# A revocation may overtake the handshake it concerns; it is remembered for longer than a handshake takes.
REVOCATION_MEMORY_SECONDS = 30.0
CHUNK = 500
HEALTH_SECONDS = 2.0


def _now() -> int:
    """The server's clock, in microseconds since the epoch."""
    return time.time_ns() // 1_000


class Hub:
    def __init__(self) -> None:
        settings = cable_settings()
        self.connections: set[Connection] = set()
        self._by_user: dict[Key, set[Connection]] = {}
        self._listeners: dict[Key, set[Connection]] = {}
        self._expiring: dict[int, set[Connection]] = {}
        self._revocations: deque[tuple[float, dict[str, Any]]] = deque()
        self._wheel: TimerWheel[Connection] = TimerWheel(max(1, round(settings.ping_interval / TICK_SECONDS)))
        self._recent = RecentChanges()
        self._recent_turned = _now()
        self._readers = DatabaseThreads(4, "cable-history")
        self._catch_up_reader = DatabaseStream("cable-catch-up")
        self._doors = DatabaseThreads(2, "cable-admission")
        self._health = DatabaseThreads(1, "cable-health")
        self.doorkeeper = Doorkeeper(self._doors)
        self.broker = Broker(self._on_event, self._on_gap)
        self._epoch = ""
        self._reconciled = _now()
        self._catching_up = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.draining = False

    def start(self) -> None:
        publisher.attach(asyncio.get_running_loop())
        self.broker.start()
        self._spawn(self._beat())
        self._spawn(self._reconcile())

    async def stop(self) -> None:
        publisher.detach(asyncio.get_running_loop())
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.broker.stop()
        for threads in (self._readers, self._catch_up_reader, self._doors, self._health):
            threads.shutdown()

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
            await self._read_epoch()
        asked_at = time.monotonic()
        admission = await self.doorkeeper.authenticate(handshake)
        return None if admission is None or self._revoked_since(admission, asked_at) else admission

    def open(self, send: Send, admission: Admission, *, extended: bool) -> Connection:
        """Register an accepted socket and welcome it."""
        group = events.group_for_user(admission.user_id)
        position = protocol.position_of(group, self._epoch) if extended else None
        connection = Connection(send, admission, position, cable_settings(), self._forget)
        connection.write(protocol.welcome(secrets.token_urlsafe(12) if extended else None))
        theirs = self._by_user.setdefault(connection.user_id, set())
        if len(theirs) >= cable_settings().max_sockets_per_user:
            self._break(connection, "sockets_per_user")
            return connection
        self.connections.add(connection)
        theirs.add(connection)
        connection.slot = self._wheel.add(connection, random.random())  # noqa: S311 spreads, hides nothing
        if admission.expires_at is not None:
            self._expiring.setdefault(_quarter(admission.expires_at), set()).add(connection)
        metrics.count("connections_opened")
        return connection

    def _forget(self, connection: Connection) -> None:
        """It ended, whoever ended it: from now on nothing is delivered to it."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        _discard(self._by_user, connection.user_id, connection)
        self._stop_listening(connection)
        self._wheel.remove(connection, connection.slot)
        if connection.admission.expires_at is not None:
            _discard(self._expiring, _quarter(connection.admission.expires_at), connection)
        metrics.count(f"connections_closed:{connection.closed}")

    def _break(self, connection: Connection, limit: str) -> None:
        metrics.count(f"limits:{limit}")
        logger.warning("closed a socket of user %s: over the limit of %s", connection.user_id, limit)
        connection.close(protocol.LIMIT, reconnect=False, code=TOO_MANY)

    # Commands

    async def handle(self, connection: Connection, command: Command) -> None:
        """Raises ProtocolError for what is answered with silence."""
        if command.name == protocol.SUBSCRIBE:
            await self._subscribe(connection, command)
        elif command.name == protocol.UNSUBSCRIBE:
            self._unsubscribe(connection, command.identifier)
        elif command.name == protocol.HISTORY:
            await self._replay_again(connection, command)

    def count_command(self, connection: Connection, size: int) -> bool:
        """Whether the socket is within its limits; otherwise it was closed."""
        if size > cable_settings().max_frame_bytes:
            self._break(connection, "frame_bytes")
        elif not connection.allows_command():
            self._break(connection, "commands_per_second")
        return connection.closed is None

    async def _subscribe(self, connection: Connection, command: Command) -> None:
        identifier = command.identifier
        if identifier in connection.subscriptions:
            return
        wanted = protocol.parse_identifier(identifier)
        try:
            subscription = connection.subscriptions.add(identifier, _now())
        except AlreadySubscribed:
            return
        except TooManySubscriptions:
            self._break(connection, "subscriptions")
            return
        try:
            await self._listen(connection)
            await self._begin(connection, subscription, wanted.since, command.history)
        except BaseException:
            self._unsubscribe(connection, identifier)
            raise

    async def _listen(self, connection: Connection) -> None:
        self._listeners.setdefault(connection.user_id, set()).add(connection)
        # Not confirmed before the join: once confirmed, a client counts on hearing of changes.
        await self.broker.join(events.group_for_user(connection.user_id))

    def _unsubscribe(self, connection: Connection, identifier: str) -> None:
        connection.subscriptions.remove(identifier)
        if not connection.subscriptions:
            self._stop_listening(connection)

    def _stop_listening(self, connection: Connection) -> None:
        if connection in self._listeners.get(connection.user_id, ()):
            _discard(self._listeners, connection.user_id, connection)
            if connection.user_id not in self._listeners:
                self.broker.leave(events.group_for_user(connection.user_id))

    async def _begin(
        self, connection: Connection, subscription: Subscription, since: int | None, history: Any
    ) -> None:
        if connection.extended:
            connection.write(protocol.confirm_subscription(subscription.identifier))
            request = protocol.parse_history(history, events.group_for_user(connection.user_id))
            if request is not None:
                await self._answer_history(connection, subscription, request)
        elif since is None:
            connection.write(protocol.confirm_subscription(subscription.identifier))
        else:
            await self._replay_on_base(connection, subscription, since)
        self._go_live(connection, subscription, {})

    async def _replay_on_base(self, connection: Connection, subscription: Subscription, since: int) -> None:
        try:
            changes = await self._read(connection.user_id, since * MICROSECONDS)
        except TooMuchToReplay:
            connection.write(protocol.reject_subscription(subscription.identifier))
            self._unsubscribe(connection, subscription.identifier)
            return
        connection.write(protocol.confirm_subscription(subscription.identifier))
        await self._write_replay(connection, subscription, changes)
        self._go_live(connection, subscription, _positions(changes))

    async def _replay_again(self, connection: Connection, command: Command) -> None:
        """`history` on an active subscription: as in subscribe, without the confirm."""
        subscription = connection.subscriptions.get(command.identifier)
        request = protocol.parse_history(command.history, events.group_for_user(connection.user_id))
        if subscription is not None and request is not None:
            subscription.hold()
            await self._answer_history(connection, subscription, request)
            self._go_live(connection, subscription, {})

    async def _answer_history(
        self, connection: Connection, subscription: Subscription, request: HistoryRequest
    ) -> None:
        """All or nothing: the replay and its confirm, or only a reject."""
        try:
            position = resume_position(request, epoch=self._epoch, now=_now())
            changes = [] if position is None else await self._read(connection.user_id, position)
        except (HistoryGone, TooMuchToReplay) as exc:
            metrics.count(f"history_rejected:{type(exc).__name__}")
            connection.write(protocol.reject_history(subscription.identifier))
            return
        except Exception:
            # The client is told to refetch; the subscription lives on.
            logger.exception("could not read the history of user %s", connection.user_id)
            connection.write(protocol.reject_history(subscription.identifier))
            return
        if request.offset is not None:
            subscription.cursor = request.offset
        await self._write_replay(connection, subscription, changes)
        connection.write(protocol.confirm_history(subscription.identifier))
        self._go_live(connection, subscription, _positions(changes))

    async def _read(self, user_id: Key, position: int) -> list[Change]:
        limit = cable_settings().replay_limit
        return await self._readers.run(lambda: list(changes_since([user_id], position, limit=limit)))

    async def _write_replay(
        self, connection: Connection, subscription: Subscription, changes: list[Change]
    ) -> None:
        now = _now()
        for change in changes:
            connection.write_change(subscription, change, now)
            await connection.written()
        metrics.count("replayed", len(changes))

    def _go_live(self, connection: Connection, subscription: Subscription, replayed: dict[Any, int]) -> None:
        """What was held back follows, unless the replay had it already."""
        now = _now()
        for change in subscription.release():
            if replayed.get(change.row, 0) < change.position:
                connection.write_change(subscription, change, now)

    # Events of other processes (and of this one)

    def _on_event(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == events.CHANGES:
            self._on_changes(event)
        elif kind == events.DISCONNECT:
            self._on_disconnect(event)
        elif kind == events.EPOCH:
            self._spawn(self._renew_epoch())

    def _on_changes(self, event: dict[str, Any]) -> None:
        now = _now()
        for fields in event["changes"]:
            change = Change._make(fields)
            if self._recent.note(change):
                self._fan_out(change, now)
            else:
                metrics.count("stale")

    def _fan_out(self, change: Change, now: int) -> None:
        for connection in tuple(self._listeners.get(change.user_id, ())):
            connection.deliver(change, now)

    def _on_disconnect(self, event: dict[str, Any]) -> None:
        self._revocations.append((time.monotonic(), event))
        for connection in tuple(self._by_user.get(event["user_id"], ())):
            if _concerns(event, connection.admission):
                connection.close(event["reason"], reconnect=event["reconnect"])

    def _revoked_since(self, admission: Admission, asked_at: float) -> bool:
        while self._revocations and self._revocations[0][0] < time.monotonic() - REVOCATION_MEMORY_SECONDS:
            self._revocations.popleft()
        return any(at >= asked_at and _concerns(event, admission) for at, event in self._revocations)

    # The epoch

    async def _read_epoch(self) -> None:
        self._epoch = await self._readers.run(Epoch.current)

    async def _renew_epoch(self) -> None:
        before = self._epoch
        await self._read_epoch()
        if before and before != self._epoch:
            logger.info("positions were renumbered: epoch %s", self._epoch)
        for connection in self.connections:
            if connection.extended:
                group = events.group_for_user(connection.user_id)
                connection.position = protocol.position_of(group, self._epoch)

    # Heartbeat

    async def _beat(self) -> None:
        """Pings, and the end of those whose right expired. Catches up when the loop was late."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        expired = _quarter(time.time()) - 1
        while True:
            due += TICK_SECONDS
            late = loop.time() - due
            if late < 0:
                await asyncio.sleep(-late)
            elif late > 1:
                due = loop.time()
            metrics.counts["ping_late_microseconds_max"] = max(
                metrics.counts["ping_late_microseconds_max"], int(max(late, 0) * 1e6)
            )
            frame = protocol.ping(int(time.time()))
            for connection in self._wheel.advance():
                connection.write_first(frame)
            expired = self._expire(expired)

    def _expire(self, expired: int) -> int:
        """Close those whose right ended; returns the quarter of a second that was dealt with last."""
        current = _quarter(time.time()) - 1
        for quarter in range(expired + 1, current + 1):
            for connection in tuple(self._expiring.get(quarter, ())):
                connection.close(protocol.UNAUTHORIZED, reconnect=False)
        return max(expired, current)

    # The certain path

    def _on_gap(self, last_good: float) -> None:
        self._spawn(self._catch_up(int(last_good * MICROSECONDS)))

    async def _reconcile(self) -> None:
        """On a slow clock: rows changed without a signal, publishers that died, lost revocations."""
        while True:
            await asyncio.sleep(_jittered(cable_settings().reconcile_interval))
            try:
                await self._renew_epoch()
                await self._catch_up(self._reconciled)
                await self._revalidate()
            except Exception as exc:
                metrics.count("reconcile_failures")
                logger.warning("could not reconcile, will retry: %s: %s", type(exc).__name__, exc)

    async def _catch_up(self, position: int) -> None:
        """Deliver what changed since position (microseconds) and was not delivered."""
        async with self._catching_up:
            started = _now()
            users = list(self._listeners)
            if users:
                chunks = self._catch_up_reader.chunks(lambda: changes_since(users, position), CHUNK)
                async for chunk in chunks:
                    self._deliver_missed(chunk)
            self._reconciled = max(self._reconciled, started)
            self._turn_recent(started)

    def _deliver_missed(self, changes: Iterable[Change]) -> None:
        now = _now()
        tolerance = overlap()
        for change in changes:
            if self._recent.position(change.row) >= change.position:
                continue
            self._recent.note(change)
            metrics.count("caught_up")
            for connection in tuple(self._listeners.get(change.user_id, ())):
                connection.deliver_missed(change, now, tolerance)

    def _turn_recent(self, now: int) -> None:
        """Remember for longer than a reconcile looks back."""
        keep = overlap() + int(cable_settings().reconcile_interval * 1.5 * MICROSECONDS)
        if now - self._recent_turned > keep:
            self._recent.turn()
            self._recent_turned = now

    async def _revalidate(self) -> None:
        connections = list(self.connections)
        if not connections:
            return
        admitted = await self.doorkeeper.still_admitted([each.admission for each in connections])
        for connection, still in zip(connections, admitted, strict=True):
            if not still:
                connection.close(protocol.UNAUTHORIZED, reconnect=False)

    # Health

    async def database_answers(self) -> bool:
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                await self._health.run(_ask_database)
        except Exception as exc:
            logger.warning("the database does not answer: %s", type(exc).__name__)
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
        """Send every client elsewhere, spread evenly over the time, so that no server is stormed."""
        self.draining = True
        connections = list(self.connections)
        random.shuffle(connections)
        started = asyncio.get_running_loop().time()
        for index, connection in enumerate(connections, start=1):
            connection.close(protocol.SERVER_RESTART, reconnect=True)
            ahead = started + seconds * index / len(connections) - asyncio.get_running_loop().time()
            if ahead > TICK_SECONDS or index == len(connections):
                await asyncio.sleep(max(0, ahead))


def _ask_database() -> None:
    with database.cursor() as cursor:
        cursor.execute("SELECT 1")


def _jittered(seconds: float) -> float:
    """So that the processes do not all ask at once."""
    return seconds * random.uniform(0.8, 1.2)  # noqa: S311 spreads, hides nothing


def _quarter(at: float) -> int:
    """Quarters of a second since the epoch."""
    return int(at * 4)


def _discard(index: dict[Any, set[Connection]], key: Any, connection: Connection) -> None:
    members = index.get(key)
    if members is not None:
        members.discard(connection)
        if not members:
            del index[key]


def _concerns(event: dict[str, Any], admission: Admission) -> bool:
    return event["user_id"] == admission.user_id and (event["keys"] is None or admission.key in event["keys"])


def _positions(changes: Iterable[Change]) -> dict[Any, int]:
    return {change.row: change.position for change in changes}


_hubs: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]" = WeakKeyDictionary()


def current_hub() -> Hub:
    """The hub of the running loop; made and started on first use."""
    loop = asyncio.get_running_loop()
    hub = _hubs.get(loop)
    if hub is None:
        hub = _hubs[loop] = Hub()
        hub.start()
    return hub


async def stop_hub() -> None:
    hub = _hubs.pop(asyncio.get_running_loop(), None)
    if hub is not None:
        await hub.stop()

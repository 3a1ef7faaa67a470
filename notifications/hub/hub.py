"""
The hub, one per process: connects the parts that deliver changes to clients.

    handshake ─► rights ─► connection ─► registry, heartbeat       who is connected
    broker ────► fast_path ─► fan_out ───────────┐
    tables ────► catch_up, reconcile ────────────┴─► connections   who receives what
    commands ──► broker, replays                                   what a client asks for

The consumer registers its socket here and otherwise has no channel, queue or task. The hub holds one channel
of the layer (broker.py), joins the group of a user while a socket of that user is subscribed here, and fans
out locally: Redis sees one subscription per user and process, however many sockets there are.

Redis makes delivery fast, the tables make it certain: whenever messages may have been missed (on_gap), and
periodically (reconcile.py), catch_up.py reads the changes from the tables and delivers those that were not
delivered.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from typing import Any, TypeVar

from ..broker import events
from ..broker.broker import Broker
from ..broker.publisher import publish_answer, publisher
from ..changes.telling import heard_by
from ..conf import cable_settings
from ..ground.database import DatabaseThreads
from ..ground.jobs import Jobs
from ..ground.metrics import metrics
from ..ground.supervision import Supervisor
from ..handshake.admission import Doorkeeper
from ..handshake.authentication import Admission, Handshake
from ..wire import protocol
from ..wire.framing import DirectWrite
from ..wire.payloads import Key
from ..wire.positions import MICROSECONDS
from ..wire.protocol import Command
from . import excess, journal
from .catch_up import CatchUp
from .commands import Commands
from .connection import Connection
from .drain import send_elsewhere
from .epoch import KnownEpoch
from .event_stream import EventStream, Head
from .fan_out import FanOut
from .fast_path import FastPath
from .health import Health
from .heartbeat import Heartbeat
from .last_hour import LastHour
from .reconcile import Reconcile
from .registry import Registry
from .replays import Replays
from .rights import Rights
from .socket import Send
from .state import State, process_name, snapshot
from .tails import Tails

logger = logging.getLogger(__name__)

AnyConnection = TypeVar("AnyConnection", bound=Connection)


class Hub:
    """name: of this hub, in the receipts of orders. draining: it accepts no more sockets."""

    def __init__(self) -> None:
        self.name = secrets.token_hex(4)
        self.draining = False
        self.registry = Registry()
        self._jobs = Jobs("the hub")
        self._supervisor = Supervisor()
        self._readers = DatabaseThreads(4, "cable-history")
        self._doors = DatabaseThreads(2, "cable-admission")
        self.broker = Broker(self._on_event, self._on_gap)
        self.rights = Rights(self.registry, Doorkeeper(self._doors))
        fan_out = FanOut(self.registry, self._jobs.spawn, lambda: self.catch_up.promised)
        self.catch_up = CatchUp(self.registry, fan_out, self.rights.revalidate, lambda: self.broker.healthy)
        self.fast_path = FastPath(
            self.registry, self.catch_up, fan_out, lambda: not self.broker.healthy, self._jobs.spawn
        )
        self.epoch = KnownEpoch(self._readers, self._renumber)
        self.reconcile = Reconcile(self.catch_up, self.epoch, self._readers)
        self.heartbeat = Heartbeat(
            cable_settings().ping_interval, lambda: self.catch_up.horizon, self.rights.end_expired
        )
        self.health = Health(
            self.broker, self.catch_up, self._supervisor, (self._readers, self._doors, self.catch_up)
        )
        self.last_hour = LastHour()
        self.tails = Tails(self.registry, lambda: self.broker.healthy)
        replays = Replays(self._readers, self.catch_up, fan_out)
        self._commands = Commands(
            self.registry, self.broker, self._readers, self.catch_up, replays, self.epoch
        )

    def start(self) -> None:
        publisher.attach(asyncio.get_running_loop())
        self.broker.start()
        self._supervisor.keep("catch_up", self.catch_up.run)
        self._supervisor.keep("heartbeat", self.heartbeat.run)
        self._supervisor.keep("reconcile", self.reconcile.run)
        self._supervisor.keep("last_hour", self.last_hour.run)
        if cable_settings().triggers:
            # Imported here: a project without PostgreSQL need not have psycopg.
            from .wakes import Wakes

            self._supervisor.keep("wakes", Wakes(self.catch_up.owe).run)

    async def stop(self) -> None:
        publisher.detach(asyncio.get_running_loop())
        self.tails.stop()
        await self._supervisor.stop()
        await self._jobs.stop()
        await self.broker.stop()
        threads = (self._readers, self._doors, self.catch_up, self.health)
        await asyncio.gather(*(each.close() for each in threads))

    # Sockets come and go

    async def authenticate(self, handshake: Handshake) -> Admission | None:
        """As Rights.admit, once the epoch is known, without which no position can be given out."""
        await self.epoch.ensure()
        return await self.rights.admit(handshake)

    def open(
        self, send: Send, admission: Admission, *, extended: bool, direct: DirectWrite | None = None
    ) -> Connection:
        """Register an accepted websocket and welcome it."""
        position = _position(admission.user_id, self.epoch.value) if extended else None
        connection = Connection(send, direct, admission, position, cable_settings(), self._forget)
        return self._register(connection)

    def open_stream(
        self,
        send: Send,
        admission: Admission,
        head: Head,
        *,
        resumes: bool,
        direct: DirectWrite | None = None,
    ) -> EventStream:
        """As open, for a stream of Server-Sent Events. head, resumes: see EventStream."""
        stream = EventStream(
            send, direct, admission, self.epoch.value, cable_settings(), self._forget, head, resumes=resumes
        )
        return self._register(stream)

    def _register(self, connection: AnyConnection) -> AnyConnection:
        connection.hears = heard_by(connection.user_id)
        connection.pinged = self.catch_up.horizon // MICROSECONDS
        connection.welcome()
        if not excess.may_be_added(self.registry, connection):
            return connection
        self.registry.add(connection)
        self.tails.opened(connection)
        self.heartbeat.add(connection)
        metrics.count("connections_opened")
        journal.opened(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        """The connection has ended: from now on nothing is delivered to it."""
        if connection not in self.registry:
            return
        self.registry.remove(connection)
        self._commands.stop_listening(connection)
        self.heartbeat.remove(connection)
        metrics.count(f"connections_closed:{connection.closed}")
        journal.closed(connection)

    async def handle(self, connection: Connection, command: Command) -> None:
        """Raises ProtocolError for a command that gets no answer."""
        await self._commands.handle(connection, command)

    async def drain(self, seconds: float) -> None:
        """Accepts no more sockets. Closes the open ones over the time; their clients reconnect elsewhere."""
        self.draining = True
        await send_elsewhere(self.registry.connections, seconds)

    # Events of other processes (and of this one)

    def _on_event(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind == events.CHANGES:
            self.fast_path.tell(event)
        elif kind == events.SHARED:
            self.fast_path.tell_shared(event)
        elif kind == events.DISCONNECT:
            self._acknowledge(event, self.disconnect(event))
        elif kind == events.EPOCH:
            self._jobs.spawn(self._on_epoch(event))
        elif kind == events.ASK:
            publish_answer(event["answer_to"], self.snapshot(event["users"]))
        elif kind == events.TAIL:
            self._tell_tail(event)

    def disconnect(self, event: dict[str, Any]) -> int:
        """As Rights.revoke. On the hub's loop only."""
        return self.rights.revoke(event)

    async def _on_epoch(self, event: dict[str, Any]) -> None:
        await self.epoch.read()
        self._acknowledge(event, 0)

    def _renumber(self, epoch: str) -> None:
        for connection in self.registry.connections:
            connection.renumber(epoch)

    def _acknowledge(self, event: dict[str, Any], closed: int) -> None:
        if "answer_to" in event:
            publish_answer(event["answer_to"], self.receipt(event, closed))

    def receipt(self, event: dict[str, Any], closed: int) -> dict[str, Any]:
        """The acknowledgement that the order was carried out here."""
        return {"process": process_name(), "hub": self.name, "order": event["order"], "closed": closed}

    def _tell_tail(self, event: dict[str, Any]) -> None:
        if (answer := self.tails.ask(event)) is not None:
            publish_answer(event["answer_to"], {"process": process_name(), "hub": self.name, **answer})

    def _on_gap(self, last_good: float) -> None:
        """Messages may be missing; last_good: since when, in seconds since the epoch."""
        logger.info("messages may be missing since %.1f s ago", time.time() - last_good)
        self.rights.doubt()
        self.fast_path.gap_ended()
        self.catch_up.owe()

    # State

    def state(self) -> State:
        return State.of(
            self.registry,
            self.broker,
            self.catch_up,
            certain=self.health.is_certain,
            abandoned_reads=self.health.abandoned_reads,
            draining=self.draining,
        )

    def snapshot(self, users: Sequence[Key] | None) -> dict[str, Any]:
        return snapshot(self.state(), self.registry, users, self.last_hour.minutes())


def _position(user_id: Any, epoch: str) -> str:
    return protocol.position_of(events.stream_of_user(user_id), epoch)

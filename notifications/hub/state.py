"""
The state of one process at this moment, for metrics, `cable_stats` and the admin.
"""

import heapq
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from ..broker.broker import Broker
from ..broker.publisher import publisher
from ..ground.metrics import metrics
from ..wire.payloads import Key, shown
from ..wire.positions import MICROSECONDS
from .catch_up import CatchUp
from .connection import Connection
from .last_hour import Minute
from .registry import Registry

# The users with the most sockets. An answer stays small, however many users there are.
USERS_SHOWN = 50
SOCKETS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class State:
    """
    extended, events: connections of the extended protocol, and streams of Server-Sent Events. last_echo,
    reconciled: seconds since the epoch. reconciled_age: seconds. certain: whether that is not too old.
    congested: sockets whose client does not keep up. abandoned_reads: threads that wait for a database which
    did not answer in time.
    """

    connections: int
    extended: int
    events: int
    users: int
    subscriptions: int
    congested: int
    outbox_bytes: int
    broker: bool
    last_echo: float
    reconciled: float
    reconciled_age: float
    certain: bool
    abandoned_reads: int
    draining: bool

    @classmethod
    def of(
        cls,
        registry: Registry,
        broker: Broker,
        catch_up: CatchUp,
        *,
        certain: bool,
        abandoned_reads: int,
        draining: bool,
    ) -> Self:
        connections = registry.connections
        protocols = Counter(each.protocol_name for each in connections)
        return cls(
            connections=len(connections),
            extended=protocols["extended"],
            events=protocols["events"],
            users=len(registry.users()),
            subscriptions=sum(len(each.subscriptions) for each in connections),
            congested=sum(each.congested for each in connections),
            outbox_bytes=sum(each.outbox_bytes for each in connections),
            broker=broker.healthy,
            last_echo=broker.last_good,
            reconciled=catch_up.reconciled / MICROSECONDS,
            reconciled_age=catch_up.age,
            certain=certain,
            abandoned_reads=abandoned_reads,
            draining=draining,
        )


def snapshot(
    state: State, registry: Registry, users: Sequence[Key] | None, hour: Sequence[Minute]
) -> dict[str, Any]:
    """
    What a process answers: the fields of State, its counters, and

    process: "host:pid". started_at: seconds since the epoch. p50_ms, p99_ms: from commit to socket, or None.
    by_user: [user, sockets] of the users asked for; of those with the most if None.
    And if None, sockets: the newest, see _socket; hour: its minutes.
    """
    more = {"sockets": _newest(registry), "hour": list(hour)} if users is None else {}
    return {
        **more,
        "process": process_name(),
        "started_at": metrics.started_at,
        **asdict(state),
        "publish_queue": publisher.waiting,
        "deliveries": metrics.deliveries,
        "p50_ms": _milliseconds(metrics.commit_to_socket.quantile(0.5)),
        "p99_ms": _milliseconds(metrics.commit_to_socket.quantile(0.99)),
        "counts": dict(metrics.counts),
        "by_user": _sockets_of(registry, users),
    }


def process_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def socket_name(connection: Connection) -> str:
    """The name of one socket among those of all processes: "host:pid/17"."""
    return f"{process_name()}/{connection.number}"


def _newest(registry: Registry) -> list[dict[str, Any]]:
    found = heapq.nlargest(SOCKETS_SHOWN, registry.connections, key=lambda each: each.number)
    return [_socket(each) for each in found]


def _socket(connection: Connection) -> dict[str, Any]:
    """opened_at: seconds since the epoch. frames_in: from the client."""
    return {
        "name": socket_name(connection),
        "user": shown(connection.user_id),
        "protocol": connection.protocol_name,
        "subscriptions": len(connection.subscriptions),
        "frames_in": connection.frames_in,
        "frames_out": connection.frames_out,
        "congested": connection.congested,
        "opened_at": time.time() - (time.monotonic() - connection.opened_at),
    }


def _sockets_of(registry: Registry, users: Iterable[Key] | None) -> list[list[Any]]:
    asked = registry.users() if users is None else users
    counted = [[shown(user), registry.count_of_user(user)] for user in asked]
    return counted if users is not None else heapq.nlargest(USERS_SHOWN, counted, key=lambda pair: pair[1])


def _milliseconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1000

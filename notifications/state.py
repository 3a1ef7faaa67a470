"""
What one process holds at this moment, for metrics, `cable_stats` and the admin.
"""

import heapq
import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from notifications.broker import Broker
from notifications.catch_up import CatchUp
from notifications.history import MICROSECONDS
from notifications.metrics import metrics
from notifications.payloads import Key
from notifications.publisher import publisher
from notifications.registry import Registry

# Those with the most sockets. An answer stays small, however many users there are.
USERS_SHOWN = 50


@dataclass(frozen=True, slots=True)
class State:
    """last_echo, reconciled: seconds since the epoch. congested: sockets whose client does not keep up."""

    connections: int
    extended: int
    users: int
    subscriptions: int
    congested: int
    outbox_bytes: int
    broker: bool
    last_echo: float
    reconciled: float
    draining: bool

    @classmethod
    def of(cls, registry: Registry, broker: Broker, catch_up: CatchUp, *, draining: bool) -> Self:
        connections = registry.connections
        return cls(
            connections=len(connections),
            extended=sum(each.extended for each in connections),
            users=len(registry.users()),
            subscriptions=sum(len(each.subscriptions) for each in connections),
            congested=sum(each.congested for each in connections),
            outbox_bytes=sum(each.outbox_bytes for each in connections),
            broker=broker.healthy,
            last_echo=broker.last_good,
            reconciled=catch_up.reconciled / MICROSECONDS,
            draining=draining,
        )


def snapshot(state: State, registry: Registry, users: Sequence[Key] | None) -> dict[str, Any]:
    """
    What a process answers: the fields of State, its counters, and

    process: "host:pid". started_at: seconds since the epoch. p50_ms, p99_ms: from commit to socket, or None.
    by_user: [user, sockets] of the users asked for; of those with the most if None.
    """
    return {
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


def _sockets_of(registry: Registry, users: Iterable[Key] | None) -> list[list[Any]]:
    counted = [[user, len(registry.of_user(user))] for user in (registry.users() if users is None else users)]
    return counted if users is not None else heapq.nlargest(USERS_SHOWN, counted, key=lambda pair: pair[1])


def _milliseconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1000

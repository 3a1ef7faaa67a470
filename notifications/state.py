"""
What one process holds at this moment, for metrics, `cable_stats` and the admin.
"""

from dataclasses import dataclass
from typing import Self

from notifications.broker import Broker
from notifications.catch_up import CatchUp
from notifications.history import MICROSECONDS
from notifications.registry import Registry


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

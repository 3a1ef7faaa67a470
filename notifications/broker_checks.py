"""System checks of the broker: a channel layer, or PostgreSQL."""

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import channel_layers
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from .broker.layers import is_on_postgres, transport_failed
from .conf import CHANNEL_LAYER, POSTGRESQL, cable_settings
from .ground.test_run import in_test_run, stops_no_tests

IN_MEMORY = "channels.layers.InMemoryChannelLayer"
PUB_SUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"

# The RECONCILE_INTERVAL that replaces a broker: the processes of one machine find each other's changes by it.
SMALL_SECONDS = 1.0
LISTEN_SECONDS = 5.0


def check_broker() -> list[CheckMessage]:
    broker = cable_settings().broker
    if broker not in (CHANNEL_LAYER, POSTGRESQL):
        return [
            Error(
                f"settings.CABLE['BROKER'] is {broker!r:.80}: expected {CHANNEL_LAYER!r} or {POSTGRESQL!r}",
                id="sync_cable.E021",
            )
        ]
    found = [] if is_on_postgres() else _check_channel_layer()
    return [*found, *(_check_postgres() if _listens() else [])]


def _listens() -> bool:
    return is_on_postgres() or cable_settings().triggers is True


def _check_postgres() -> list[CheckMessage]:
    if find_spec("psycopg") is None:
        return [
            Error(
                "settings.CABLE has BROKER 'postgresql' or TRIGGERS, and psycopg 3 is not installed",
                hint="pip install 'psycopg[binary]'",
                id="sync_cable.E022",
            )
        ]
    from .broker.postgres_link import parameters

    try:
        parameters()
    except ImproperlyConfigured as exc:
        return [Error(str(exc), id="sync_cable.E022")]
    return []


@register(Tags.database)
@stops_no_tests
def check_listening(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """
    For `check --database default` and `migrate`: whether notifications would be received. Django itself
    reports a database that is down.
    """
    if not databases or not _listens() or check_broker():
        return []
    from .broker.postgres_layer import PoolerBetween

    try:
        async_to_sync(_listen)()
    except PoolerBetween as exc:
        hint = "postgresql://user:password@host:5432/name, with the port of PostgreSQL and not of PgBouncer."
        return [Error(str(exc), hint=hint, id="sync_cable.E023")]
    except Exception as exc:
        if transport_failed(exc):
            return []
        return [Error(f"PostgreSQL does not let the cable listen: {exc}", id="sync_cable.E023")]
    return []


async def _listen() -> None:
    from .broker.postgres_layer import PostgresLayer

    layer = PostgresLayer()
    try:
        async with asyncio.timeout(LISTEN_SECONDS):
            await layer.new_channel()
    finally:
        await layer.close()


def _check_channel_layer() -> list[CheckMessage]:
    alias = cable_settings().channel_layer
    backend = channel_layers.configs.get(alias, {}).get("BACKEND")
    if backend is None:
        return [Error(f"settings.CHANNEL_LAYERS has no layer {alias!r}", id="sync_cable.E006")]
    if backend == CORE:
        return [
            Error(
                f"{CORE} silently drops messages at its capacity, and its groups expire",
                hint=f"Use {PUB_SUB}.",
                id="sync_cable.E007",
            )
        ]
    if backend == IN_MEMORY and not _may_be_in_memory():
        return [
            Error(
                "The in-memory channel layer reaches one process only: it is for development, and for one "
                "machine whose processes read the tables every second",
                hint=f"Configure {PUB_SUB} (in this project, set REDIS_URL); or CABLE['BROKER'] = "
                f"'postgresql'; or, on one machine, CABLE['RECONCILE_INTERVAL'] = {SMALL_SECONDS:g}.",
                id="sync_cable.E008",
            )
        ]
    return []


def _may_be_in_memory() -> bool:
    """Django's test runner switches DEBUG off."""
    return settings.DEBUG or in_test_run() or cable_settings().reconcile_interval <= SMALL_SECONDS

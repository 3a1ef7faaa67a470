"""
What Django's check framework says of settings.CABLE before the first socket opens.
"""

from collections.abc import Sequence
from typing import Any

from channels.layers import channel_layers
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from notifications.conf import cable_settings
from notifications.origins import parse_origin
from notifications.payloads import UNITS
from notifications.resources import resources

IN_MEMORY = "channels.layers.InMemoryChannelLayer"
PUB_SUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"

_POSITIVE = (
    "ping_interval",
    "overlap",
    "reconcile_interval",
    "canary_interval",
    "canary_timeout",
    "publish_timeout",
    "join_timeout",
    "authentication_timeout",
    "replay_limit",
    "publish_queue",
    "max_frame_bytes",
    "commands_per_second",
    "commands_burst",
    "max_subscriptions",
    "max_sockets_per_user",
    "outbox_frames",
    "outbox_bytes",
)


@register("notifications")
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    try:
        cable_settings()
        resources()
    except (ImproperlyConfigured, TypeError) as exc:
        return [Error(str(exc), id="notifications.E001")]
    return [
        *_check_numbers(),
        *_check_unit(),
        *_check_origins(),
        *_check_authenticator(),
        *_check_resources(),
        *_check_channel_layer(),
    ]


def _check_numbers() -> list[CheckMessage]:
    values = {name: getattr(cable_settings(), name) for name in _POSITIVE}
    return [
        Error(
            f"settings.CABLE[{name.upper()!r}] is {value!r}: expected a positive number",
            id="notifications.E002",
        )
        for name, value in values.items()
        if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0
    ]


def _check_unit() -> list[CheckMessage]:
    unit = cable_settings().updated_at_unit
    if unit in UNITS:
        return []
    return [
        Error(f"settings.CABLE['UPDATED_AT_UNIT'] is {unit!r}: expected 's' or 'ms'", id="notifications.E003")
    ]


def _check_origins() -> list[CheckMessage]:
    return [
        Error(
            f"settings.CABLE['ALLOWED_ORIGINS'] holds {origin!r}: expected scheme://host[:port]",
            hint="An origin has no path and no wildcard. '*' alone admits every page on the web.",
            id="notifications.E004",
        )
        for origin in cable_settings().allowed_origins
        if origin != "*" and parse_origin(origin) is None
    ]


def _check_authenticator() -> list[CheckMessage]:
    path = cable_settings().authenticator
    try:
        found = import_string(path)
    except ImportError as exc:
        return [Error(f"settings.CABLE['AUTHENTICATOR']: {exc}", id="notifications.E005")]
    missing = [name for name in ("authenticate", "still_admitted") if not hasattr(found, name)]
    if not missing:
        return []
    return [Error(f"settings.CABLE['AUTHENTICATOR']: {path} has no {missing[0]}()", id="notifications.E005")]


def _check_resources() -> list[CheckMessage]:
    if resources():
        return []
    return [
        Caution("settings.CABLE['RESOURCES'] is empty: nothing will be announced", id="notifications.W001")
    ]


def _check_channel_layer() -> list[CheckMessage]:
    alias = cable_settings().channel_layer
    backend = channel_layers.configs.get(alias, {}).get("BACKEND")
    if backend is None:
        return [Error(f"settings.CHANNEL_LAYERS has no layer {alias!r}", id="notifications.E006")]
    if backend == CORE:
        return [
            Error(
                f"{CORE} drops messages in silence at its capacity, and its groups expire",
                hint=f"Use {PUB_SUB}.",
                id="notifications.E007",
            )
        ]
    if backend == IN_MEMORY and not settings.DEBUG:
        return [
            Error(
                "The in-memory channel layer reaches one process only: it is for development",
                hint=f"Configure {PUB_SUB}; in this project, set REDIS_URL.",
                id="notifications.E008",
            )
        ]
    return []

"""
What Django's check framework says of settings.CABLE before the first socket opens.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import Field, fields
from importlib import metadata
from typing import Any

from channels.layers import channel_layers
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from notifications.conf import CableSettings, cable_settings
from notifications.origins import parse_origin
from notifications.payloads import UNITS
from notifications.resources import resources

IN_MEMORY = "channels.layers.InMemoryChannelLayer"
PUB_SUB = "channels_redis.pubsub.RedisPubSubChannelLayer"
CORE = "channels_redis.core.RedisChannelLayer"

_MAY_BE_ZERO = {"trusted_proxies", "flush_timeout"}


# Below these, sockets are closed or messages lost for reasons that only upgrading cures (docs/operations.md).
_FLOORS = {"daphne": (4, 2, 2), "Django": (5, 2, 14), "redis": (4, 6)}


@register("notifications")
def check_versions(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    installed = {name: _installed_version(name) for name in _FLOORS}
    return [
        Error(
            f"{name} {version} is installed: the cable needs {'.'.join(map(str, _FLOORS[name]))} or later",
            hint=f"pip install --upgrade {name}",
            id="notifications.E009",
        )
        for name, version in installed.items()
        if version is not None and _release(version) < _FLOORS[name]
    ]


def _installed_version(name: str) -> str | None:
    """None if it is not installed: the cable also runs on other servers, and without Redis."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", version)[0].split("."))  # type: ignore[index]


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
    return [
        Error(
            f"settings.CABLE[{entry.name.upper()!r}] is {value!r}: expected {_expected(entry)}",
            id="notifications.E002",
        )
        for entry in fields(CableSettings)
        if entry.type in (int, float) and not _is_good(entry, value := getattr(cable_settings(), entry.name))
    ]


def _expected(entry: Field[Any]) -> str:
    kind = "a whole number" if entry.type is int else "a number"
    return f"{kind}, 0 or more" if entry.name in _MAY_BE_ZERO else f"{kind} above 0"


def _is_good(entry: Field[Any], value: Any) -> bool:
    kinds = (int,) if entry.type is int else (int, float)
    if type(value) not in kinds or not math.isfinite(value):
        return False
    return bool(value > 0 or (value == 0 and entry.name in _MAY_BE_ZERO))


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

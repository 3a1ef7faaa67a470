"""
System checks of settings.CABLE, before the first socket opens.
"""

import math
from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as Caution
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from .broker.installation import EXPECTED, require_prefix
from .broker_checks import check_broker
from .changes.resources import resources
from .changes.soundness import check_audiences
from .conf import (
    AUTO,
    BACKGROUND,
    MAY_BE_ZERO,
    CableSettings,
    ServerSettings,
    cable_settings,
    server_settings,
)
from .ground.test_run import stops_no_tests
from .handshake.authentication import SessionAuthenticator
from .handshake.origins import can_match
from .reach_checks import check_reach
from .resource_checks import check_channels, check_resources
from .server.soundness import check_server
from .wire.payloads import UNITS


@register("sync_cable")
@stops_no_tests
def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    try:
        cable_settings()
        resources()
    except (ImproperlyConfigured, TypeError) as exc:
        return [Error(str(exc), id="sync_cable.E001")]
    return [
        *(_check_numbers() or check_reach()),
        *_check_flags(),
        *_check_unit(),
        *_check_prefix(),
        *_check_publish(),
        *_check_origins(),
        *_check_authenticator(),
        *check_resources(),
        *check_channels(),
        *check_audiences(),
        *check_broker(),
        *check_server(),
    ]


def _check_numbers() -> list[CheckMessage]:
    return [
        *_numbers_of(cable_settings(), "settings.CABLE"),
        *_numbers_of(server_settings(), "settings.CABLE['SERVER']"),
    ]


def _numbers_of(found: CableSettings | ServerSettings, where: str) -> list[CheckMessage]:
    return [
        Error(
            f"{where}[{entry.name.upper()!r}] is {value!r:.80}: expected {_expected(entry)}",
            id="sync_cable.E002",
        )
        for entry in fields(found)
        if entry.type in (int, float) and not _is_good(entry, value := getattr(found, entry.name))
    ]


def _expected(entry: Field[Any]) -> str:
    kind = "a whole number" if entry.type is int else "a number"
    return f"{kind}, 0 or more" if entry.name in MAY_BE_ZERO else f"{kind} above 0"


def _is_good(entry: Field[Any], value: Any) -> bool:
    kinds = (int,) if entry.type is int else (int, float)
    if type(value) not in kinds or not math.isfinite(value):
        return False
    return bool(value > 0 or (value == 0 and entry.name in MAY_BE_ZERO))


def _check_flags() -> list[CheckMessage]:
    """Python takes a text such as "off" for true."""
    return [
        Error(
            f"settings.CABLE[{entry.name.upper()!r}] is {value!r}: expected True or False",
            id="sync_cable.E020",
        )
        for entry in fields(CableSettings)
        if entry.type is bool and type(value := getattr(cable_settings(), entry.name)) is not bool
    ]


def _check_unit() -> list[CheckMessage]:
    unit = cable_settings().updated_at_unit
    if unit in UNITS:
        return []
    return [
        Error(f"settings.CABLE['UPDATED_AT_UNIT'] is {unit!r}: expected 's' or 'ms'", id="sync_cable.E003")
    ]


def _check_prefix() -> list[CheckMessage]:
    try:
        require_prefix()
    except (ImproperlyConfigured, ImportError) as exc:
        hint = f"The prefix of the groups of this installation: {EXPECTED}; or the path of a callable."
        return [Error(str(exc), hint=hint, id="sync_cable.E010")]
    return []


def _check_publish() -> list[CheckMessage]:
    publish = cable_settings().publish
    if publish in (AUTO, BACKGROUND):
        return []
    return [
        Error(
            f"settings.CABLE['PUBLISH'] is {publish!r}: expected {AUTO!r} or {BACKGROUND!r}",
            id="sync_cable.E011",
        )
    ]


def _check_origins() -> list[CheckMessage]:
    return [
        Error(
            # Without the part before an @: it may be a password.
            f"settings.CABLE['ALLOWED_ORIGINS'] holds {origin.rpartition('@')[2]!r}: "
            "expected scheme://host[:port]",
            hint="An origin has no path and no wildcard. '*' alone admits every page on the web.",
            id="sync_cable.E004",
        )
        for origin in cable_settings().allowed_origins
        if origin != "*" and not can_match(origin)
    ]


def _check_authenticator() -> list[CheckMessage]:
    path = cable_settings().authenticator
    try:
        found = import_string(path)
    except ImportError as exc:
        return [Error(f"settings.CABLE['AUTHENTICATOR']: {exc}", id="sync_cable.E005")]
    missing = [name for name in ("authenticate", "still_admitted") if not hasattr(found, name)]
    if missing:
        return [Error(f"settings.CABLE['AUTHENTICATOR']: {path} has no {missing[0]}()", id="sync_cable.E005")]
    own = list(found.checks()) if hasattr(found, "checks") else []
    return own + _check_subprotocol_token(found)


def _check_subprotocol_token(authenticator: Any) -> list[CheckMessage]:
    if not cable_settings().subprotocol_token or authenticator is not SessionAuthenticator:
        return []
    return [
        Caution(
            "settings.CABLE['SUBPROTOCOL_TOKEN'] does nothing: SessionAuthenticator reads no token",
            hint="Name in AUTHENTICATOR a class that reads the header Authorization.",
            id="sync_cable.W020",
        )
    ]

"""
settings.CABLE, with the default of each setting. `cable_settings()` is the only reader.

    CABLE = {
        "RESOURCES": {"tasks": {"model": "tasks.Task", "owner": "user"}},
        "AUTHENTICATOR": "notifications.authentication.SessionAuthenticator",
    }
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver


@dataclass(frozen=True, slots=True)
class CableSettings:
    # What is announced: {name on the wire: {"model", "owner", "created_at", "updated_at"}}; see resources.py.
    resources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    # Dotted path of a class with authenticate() and still_admitted(); see authentication.py.
    authenticator: str = "notifications.authentication.SessionAuthenticator"
    # Of settings.CHANNEL_LAYERS.
    channel_layer: str = "default"
    # Exact origins (scheme://host[:port]) besides the server's own; ["*"] admits every origin.
    allowed_origins: tuple[str, ...] = ()
    # Whether a handshake without Origin (no browser's) is refused, as Rails does.
    require_origin: bool = False
    # "s", or "ms" for the Vue client of 2018, which otherwise never refetches what it knows.
    updated_at_unit: str = "s"

    # Seconds.
    ping_interval: float = 3.0
    overlap: float = 60.0
    reconcile_interval: float = 30.0
    canary_interval: float = 2.0
    canary_timeout: float = 5.0
    publish_timeout: float = 2.0
    flush_timeout: float = 3.0
    join_timeout: float = 2.0
    authentication_timeout: float = 4.0

    # Rows that one resume may replay; above it the client is told to refetch.
    replay_limit: int = 1_000
    # Changes that wait for Redis in one process; above it they are dropped (the tables still have them).
    publish_queue: int = 10_000

    # Limits of one socket, user and process.
    max_frame_bytes: int = 64 * 1024
    commands_per_second: float = 20.0
    commands_burst: int = 200
    max_subscriptions: int = 100
    max_sockets_per_user: int = 50
    # Per address and process; an office or a school is one address.
    max_sockets_per_address: int = 1_000
    handshakes_per_second: float = 50.0
    handshakes_burst: int = 1_000
    outbox_frames: int = 256
    outbox_bytes: int = 1024 * 1024

    # Whoever sends it (Authorization: Bearer …) may read /metrics; without one nobody may.
    metrics_token: str = ""

    # How many proxies of ours stand before us, and so which word of X-Forwarded-For is to be believed.
    trusted_proxies: int = 0


def _read(configured: Mapping[str, Any]) -> CableSettings:
    known = {entry.name.upper(): entry.name for entry in fields(CableSettings)}
    unknown = sorted(set(configured) - set(known))
    if unknown:
        raise ImproperlyConfigured(f"settings.CABLE has unknown keys: {', '.join(unknown)}")
    values = {known[name]: value for name, value in configured.items()}
    values["allowed_origins"] = tuple(values.get("allowed_origins", ()))
    return CableSettings(**values)


@lru_cache(maxsize=1)
def cable_settings() -> CableSettings:
    """Raises ImproperlyConfigured for a key that is not a setting."""
    return _read(getattr(settings, "CABLE", {}))


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "CABLE":
        cable_settings.cache_clear()

"""
The prefix of every group of this installation on the channel layer.

Pub/sub of Redis ignores database numbers: two installations on one Redis would get each other's changes and
orders. docs/decisions/0021 says what the default is made of, and why.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from channels.layers import channel_layers
from channels_redis.utils import create_pool, decode_hosts
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import DEFAULT_DB_ALIAS
from django.dispatch import receiver
from django.utils.encoding import force_bytes
from django.utils.module_loading import import_string

from ..conf import cable_settings

# Channels allows names of fewer than 100 characters, and ours have up to 70 after the prefix. A prefix has no
# dot: the first dot ends it, so that no name belongs to two installations.
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,29}")
EXPECTED = "1 to 29 letters, digits, hyphens and underscores"
IDENTITY_LENGTH = 12


def prefix() -> str:
    """
    The prefix of this process or, if CABLE["PREFIX"] names a callable, of the current tenant.
    Raises ImproperlyConfigured if it cannot be part of a group's name, and what the callable raises.
    """
    configured = cable_settings().prefix
    if not configured:
        return _identity_by_settings()
    found = configured if isinstance(configured, str) and "." not in configured else _callable(configured)()
    if not isinstance(found, str) or not _PREFIX.fullmatch(found):
        raise ImproperlyConfigured(f"settings.CABLE['PREFIX'] is {found!r}: expected {EXPECTED}")
    return found


def is_by_tenant() -> bool:
    """Whether one process serves several tenants, each with a prefix of its own."""
    configured = cable_settings().prefix
    return not isinstance(configured, str) or "." in configured


def _callable(configured: str | Callable[[], str]) -> Callable[[], str]:
    found = import_string(configured) if isinstance(configured, str) else configured
    if not callable(found):
        raise ImproperlyConfigured(f"settings.CABLE['PREFIX']: {configured} is not callable")
    return found


def require_prefix() -> None:
    """Raises ImproperlyConfigured or ImportError. Does not call a callable: there may be no tenant yet."""
    if is_by_tenant():
        _callable(cable_settings().prefix)
    else:
        prefix()


def identity(secret_key: str | bytes, database: str, numbers: Iterable[int] = ()) -> str:
    """
    The same for all processes of one installation, and different for every other installation.

    database: its name or the path of its file. numbers: of the Redis databases, which operators rely on to
    separate two installations. A one-way hash, because anyone with access to Redis sees the names of groups.
    """
    told = f"cable:{database}:{','.join(map(str, numbers))}"
    digest = hmac.new(force_bytes(secret_key), told.encode(), hashlib.sha256)
    return digest.hexdigest()[:IDENTITY_LENGTH]


def database_name(config: dict[str, Any]) -> str:
    """
    The database's name in an entry of DATABASES. A file has its real path, whichever path a process was
    given.
    """
    name = str(config.get("NAME") or config.get("OPTIONS", {}).get("service") or "")
    is_file = "sqlite" in config.get("ENGINE", "") and not name.startswith((":memory:", "file:"))
    return os.path.realpath(name) if is_file else name


@lru_cache(maxsize=1)
def _identity_by_settings() -> str:
    database = database_name(settings.DATABASES.get(DEFAULT_DB_ALIAS, {}))
    return identity(settings.SECRET_KEY, database, _redis_databases())


def _redis_databases() -> list[int]:
    config = channel_layers.configs.get(cable_settings().channel_layer, {}).get("CONFIG", {})
    pools = [create_pool(host) for host in decode_hosts(config.get("hosts"))]
    return [pool.connection_kwargs.get("db") or 0 for pool in pools]


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting in {"CABLE", "SECRET_KEY", "DATABASES", "CHANNEL_LAYERS"}:
        _identity_by_settings.cache_clear()

"""
Redis found through Sentinel, written as one URL:

    redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME_OF_THE_MASTER/DATABASE

channels_redis and Django's cache have no URL scheme for it: host() is for the former, SentinelPool for the
latter. User and password are those of Redis; the Sentinels are asked without authentication.
"""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from redis.sentinel import Sentinel, SentinelConnectionPool

SCHEME = "redis+sentinel://"
DEFAULT_PORT = 26379
# Short: a Sentinel that does not respond delays the request to the next one.
SENTINEL_TIMEOUTS = {"socket_connect_timeout": 0.5, "socket_timeout": 0.5}

_URL = re.compile(
    r"redis\+sentinel://(?:(?P<user>[^:@/]*):(?P<password>[^@/]*)@)?"
    r"(?P<sentinels>[^@/,]+(?:,[^@/,]+)*)/(?P<name>[\w.-]+)(?:/(?P<db>\d{1,4}))?"
)
_SENTINEL = re.compile(r"(?P<host>\[[0-9A-Fa-f:]+\]|[\w.-]+)(?::(?P<port>\d{1,5}))?")


@dataclass(frozen=True)
class Address:
    """connection: keyword arguments of a redis-py connection to the master."""

    sentinels: list[tuple[str, int]]
    name: str
    connection: dict[str, Any]


def parse(url: str) -> Address:
    """Raises ValueError. The message does not contain the URL, which may contain a password."""
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError("expected redis+sentinel://HOST:PORT,HOST:PORT/NAME_OF_THE_MASTER")
    connection: dict[str, Any] = {"db": int(match["db"] or 0)}
    for argument, value in (("username", match["user"]), ("password", match["password"])):
        if value:
            connection[argument] = unquote(value)
    return Address([_sentinel(word) for word in match["sentinels"].split(",")], match["name"], connection)


def _sentinel(word: str) -> tuple[str, int]:
    match = _SENTINEL.fullmatch(word)
    if match is None or not 0 < int(match["port"] or DEFAULT_PORT) < 65536:
        raise ValueError("a Sentinel has a host and a port from 1 to 65535")
    return match["host"].strip("[]"), int(match["port"] or DEFAULT_PORT)


def host(url: str) -> str | dict[str, Any]:
    """The entry for channels_redis' `hosts`. A URL without Sentinels is returned unchanged."""
    if not url.startswith(SCHEME):
        return url
    found = parse(url)
    return {
        "sentinels": found.sentinels,
        "master_name": found.name,
        "sentinel_kwargs": SENTINEL_TIMEOUTS,
        **found.connection,
    }


class SentinelPool:
    """The pool_class of Django's cache. It asks Sentinel for the master at each new connection."""

    @classmethod
    def from_url(cls, url: str, **options: Any) -> SentinelConnectionPool:
        found = parse(url)
        manager = Sentinel(found.sentinels, sentinel_kwargs=SENTINEL_TIMEOUTS)  # type: ignore[no-untyped-call]
        return SentinelConnectionPool(found.name, manager, **options, **found.connection)  # type: ignore[no-untyped-call]

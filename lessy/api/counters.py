"""
Counters and marks that all processes share in Redis. While Redis is down, each process keeps its own: an
outage neither locks users out nor switches the limits off.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache import caches
from redis import RedisError

logger = logging.getLogger(__name__)

SHARED = "default"
OWN = "memory"

Found = TypeVar("Found")


def count(key: str, seconds: int) -> int:
    """
    Increments the counter of this key, which expires `seconds` after its first increment. Returns its value.
    """
    return _with_either(lambda cache: _increment(cache, key, seconds))


def count_alone(key: str, seconds: int) -> int:
    """As count(), for this process only, without a request to Redis."""
    return _increment(caches[OWN], key, seconds)


def remember(key: str, seconds: int) -> None:
    _with_either(lambda cache: cache.set(key, 1, seconds))


def remembers(key: str) -> bool:
    return bool(_with_either(lambda cache: cache.get(key)))


def _with_either(call: Callable[[Any], Found]) -> Found:
    try:
        return call(caches[SHARED])
    except RedisError as exc:
        logger.warning("throttles cannot reach Redis: %s", exc)
        return call(caches[OWN])


def _increment(cache: Any, key: str, seconds: int) -> int:
    cache.add(key, 0, seconds + 1)
    try:
        return int(cache.incr(key))
    except ValueError:  # it expired in between
        return 1

"""
How often something may be asked for. The rates are settings; the counters are shared by all processes.

A window is fixed, not sliding, so that one atomic increment counts: requests at the same moment, on several
processes, cannot all read "one is left".
"""

import logging
import time
from abc import ABC, abstractmethod
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

from django.conf import settings
from django.core.cache import caches
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)

IPV6_PREFIX = 64  # what one customer of a provider has
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_to_wait(scope: str, who: str) -> float | None:
    """
    Counts one more request of this scope (a key of LESSY_THROTTLE_RATES) by who.

    Returns: None if it is allowed, else the seconds until it will be.
    """
    rate = settings.LESSY_THROTTLE_RATES.get(scope)
    if rate is None:
        return None
    allowed, _, unit = rate.partition("/")
    period = SECONDS[unit[0]]
    window, passed = divmod(time.time(), period)
    key = f"throttle:{scope}:{sha256(who.encode()).hexdigest()}:{int(window)}"
    return period - passed if _count(key, period) > int(allowed) else None


def address_of(request: Any) -> str:
    """Of IPv6 its /64. Behind proxies of ours, whom the outermost of them saw."""
    found = str(BaseThrottle().get_ident(request))
    try:
        address = ip_address(found)
    except ValueError:
        return found
    return str(ip_network((int(address), IPV6_PREFIX), strict=False)) if address.version == 6 else found


class Throttle(BaseThrottle, ABC):
    """Of POSTs. A subclass names its scope and says by whom it counts; None is not counted."""

    scope: str

    @abstractmethod
    def who(self, request: Request) -> str | None: ...

    def allow_request(self, request: Request, view: Any) -> bool:
        who = self.who(request) if request.method == "POST" else None
        self._wait = None if who is None else seconds_to_wait(self.scope, who)
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait


class ByAddress(Throttle):
    def who(self, request: Request) -> str:
        return address_of(request)


def _count(key: str, period: int) -> int:
    try:
        return _increment("default", key, period)
    except RedisError as exc:  # each process counts for itself then: nobody is locked out, and nobody let in
        logger.warning("throttles cannot reach Redis: %s", exc)
        return _increment("memory", key, period)


def _increment(cache: str, key: str, period: int) -> int:
    caches[cache].add(key, 0, period + 1)
    try:
        return int(caches[cache].incr(key))
    except ValueError:  # it expired in between
        return 1

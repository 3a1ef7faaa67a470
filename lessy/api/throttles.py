"""
How often something may be asked for. The rates are settings; the counters are shared by all processes.

A window is fixed, not sliding, so that one atomic increment counts: requests at the same moment, on several
processes, cannot all read "one is left".
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from hashlib import sha256
from typing import Any

from django.conf import settings
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from lessy.api import counters
from notifications.handshake.addresses import client_address

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# One count for all that have no address: this machine itself, a Unix socket.
NOWHERE = "nowhere"


def seconds_to_wait(scope: str, who: str, count: Callable[[str, int], int] = counters.count) -> float | None:
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
    return period - passed if count(key, period) > int(allowed) else None


def address_of(request: Any) -> str:
    """Of the client, as the limits of the cable count it: of IPv6 its /64, whatever the port."""
    proxies = settings.LESSY_TRUSTED_PROXIES
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    # Whatever stands further left is not looked at, however much it is.
    hops = forwarded.rsplit(",", proxies)[-proxies:] if forwarded and proxies else []
    return client_address(request.META.get("REMOTE_ADDR"), hops, proxies) or NOWHERE


class Throttle(BaseThrottle, ABC):
    """
    Of POSTs. A subclass names its scope and says by whom it counts; None is not counted. A view asks its
    throttles in order and ends with the first that refuses: whoever may not ask counts against nobody else.
    """

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


class ByUser(BaseThrottle):
    """
    Of every request with a token. Each process counts for itself: a request that waited for a Redis that does
    not answer would cost more than what this is there to prevent.
    """

    scope = "user"

    def allow_request(self, request: Request, view: Any) -> bool:
        who = None if request.auth is None else f"user {request.user.pk}"
        self._wait = None if who is None else seconds_to_wait(self.scope, who, counters.count_alone)
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait

"""
Rate limits. The rates are settings; all processes share the counters.

The windows are fixed, not sliding, so that one atomic increment both counts and decides: simultaneous
requests on several processes cannot all read "one left".
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
# One counter for all clients without an address: this machine itself, a Unix socket.
NOWHERE = "nowhere"


def seconds_to_wait(scope: str, who: str, count: Callable[[str, int], int] = counters.count) -> float | None:
    """
    Counts one more request by `who` in this scope, a key of LESSY_THROTTLE_RATES.

    Returns: None if the request is allowed, else the seconds until the next one will be.
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
    """The client's address without the port, as the cable's limits count it: an IPv6 client by its /64."""
    proxies = settings.LESSY_TRUSTED_PROXIES
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR")
    # Entries further left come from the client. They are not parsed, however many there are.
    hops = forwarded.rsplit(",", proxies)[-proxies:] if forwarded and proxies else []
    return client_address(request.META.get("REMOTE_ADDR"), hops, proxies) or NOWHERE


class Throttle(BaseThrottle, ABC):
    """
    Limits POSTs. A subclass defines the scope, and in who() the key of the counter; None is not counted. A
    view asks its throttles in order and stops at the first refusal, so that a refused request does not count
    in the later ones: a blocked address cannot use up the limit of an account.
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
    Limits all requests with a token. Each process has its own counter: waiting for a Redis that does not
    respond would cost more than the load that this limit prevents.
    """

    scope = "user"

    def allow_request(self, request: Request, view: Any) -> bool:
        who = None if request.auth is None else f"user {request.user.pk}"
        self._wait = None if who is None else seconds_to_wait(self.scope, who, counters.count_alone)
        return self._wait is None

    def wait(self) -> float | None:
        return self._wait

"""
The guards of a handshake, of a websocket and of an event stream: limits per address, allowed hosts, allowed
origins. ASGI middlewares that run before authentication.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from ..conf import cable_settings
from ..ground.limits import TokenBucket, breaches, seldom
from ..ground.metrics import metrics
from .addresses import client_address
from .cross_origin import admits
from .hosts import host_of, hosts_said, is_allowed_host
from .refusals import HANDSHAKES, HOST, ORIGIN, SOCKETS, headers_of, refuse

logger = logging.getLogger(__name__)

Application = Callable[..., Awaitable[None]]

FORWARDED_FOR = b"x-forwarded-for"
# How many addresses are remembered before those that have left are forgotten.
SWEEP_AT = 1_000


class Visitor:
    """One address: how many sockets it has, and how fast it may open more."""

    __slots__ = ("bucket", "sockets")

    def __init__(self, now: float) -> None:
        settings = cable_settings()
        self.bucket = TokenBucket(settings.handshakes_per_second, settings.handshakes_burst, now)
        self.sockets = 0

    def broken_limit(self, now: float) -> str | None:
        if not self.bucket.take(now):
            return HANDSHAKES
        return SOCKETS if self.sockets >= cable_settings().max_sockets_per_address else None


class Visitors:
    """The visitors, by address."""

    def __init__(self) -> None:
        self._known: dict[str, Visitor] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        return len(self._known)

    def get(self, address: str, now: float) -> Visitor:
        visitor = self._known.get(address)
        if visitor is None:
            if len(self._known) >= self._sweep_at:
                self._sweep(now)
            visitor = self._known[address] = Visitor(now)
        return visitor

    def _sweep(self, now: float) -> None:
        """Forgets addresses without sockets whose bucket is full, as that of a new visitor would be."""
        kept = {
            key: each for key, each in self._known.items() if each.sockets or not each.bucket.is_full(now)
        }
        self._known = kept
        self._sweep_at = max(SWEEP_AT, 2 * len(kept))


class AddressGuard:
    """
    Refuses the handshakes of an address that has too many sockets, or opens them too fast. Its clients come
    back with growing delays, as intended. visitors: shared by guards that count together.
    """

    def __init__(self, application: Application, visitors: Visitors | None = None) -> None:
        self.application = application
        self.visitors = Visitors() if visitors is None else visitors

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        address = _address(scope)
        if address is None:
            await self.application(scope, receive, send)
            return
        now = time.monotonic()
        visitor = self.visitors.get(address, now)
        if limit := visitor.broken_limit(now):
            metrics.count(f"handshakes:{limit}")
            breaches.report(limit, f"refused a handshake from {address}")
            await refuse(scope, send, limit)
            return
        visitor.sockets += 1
        try:
            await self.application(scope, receive, send)
        finally:
            visitor.sockets -= 1


def _address(scope: dict[str, Any]) -> str | None:
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == FORWARDED_FOR]
    peer = (scope.get("client") or (None,))[0]
    return client_address(peer, forwarded, cable_settings().trusted_proxies)


class HostGuard:
    """
    Refuses a handshake to a host that is not in ALLOWED_HOSTS, as Django refuses a request. A handshake
    without Host, which no server lets through, is not checked.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = headers_of(scope)
        host = host_of(headers)
        if host is None or is_allowed_host(host):
            await self.application(scope, receive, send)
            return
        metrics.count("handshakes:host")
        if (also := seldom.left_out("host")) is not None:
            said = hosts_said(headers)
            logger.warning("refused a handshake to the host %s: not in ALLOWED_HOSTS%s", said, also)
        await refuse(scope, send, HOST)


class OriginGuard:
    """
    Refuses a handshake whose Origin is neither the server's own nor allowed. Without an Origin it does not
    come from a browser, and is admitted unless CABLE["REQUIRE_ORIGIN"].
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = headers_of(scope)
        if admits(headers, scope.get("scheme", "")):
            await self.application(scope, receive, send)
            return
        metrics.count("handshakes:origin")
        if (also := seldom.left_out("origin")) is not None:
            origin, said = headers.get(b"origin"), hosts_said(headers)
            logger.warning("refused a handshake from the origin %.200r to the host %s%s", origin, said, also)
        await refuse(scope, send, ORIGIN)

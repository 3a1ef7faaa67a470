"""
The guards of the handshake: how many sockets an address may open, and which pages may. ASGI middlewares,
before any authentication.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from notifications.addresses import client_address
from notifications.conf import cable_settings
from notifications.limits import TokenBucket, breaches
from notifications.metrics import metrics
from notifications.origins import is_allowed

logger = logging.getLogger(__name__)

Application = Callable[..., Awaitable[None]]

FORWARDED_FOR = b"x-forwarded-for"
# How many addresses are remembered before those that left are forgotten.
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
            return "handshakes_per_second"
        return "sockets_per_address" if self.sockets >= cable_settings().max_sockets_per_address else None


class AddressGuard:
    """
    Refuses (HTTP 403) the handshakes of an address that has too many sockets, or opens them too fast. Its
    clients come back with growing delays, which is what is wanted of them.
    """

    def __init__(self, application: Application) -> None:
        self.application = application
        self._visitors: dict[str, Visitor] = {}
        self._sweep_at = SWEEP_AT

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        address = _address(scope)
        if address is None:
            await self.application(scope, receive, send)
            return
        now = time.monotonic()
        visitor = self._visitor(address, now)
        if limit := visitor.broken_limit(now):
            metrics.count(f"handshakes:{limit}")
            breaches.report(limit, f"refused a handshake from {address}")
            await send({"type": "websocket.close"})
            return
        visitor.sockets += 1
        try:
            await self.application(scope, receive, send)
        finally:
            visitor.sockets -= 1

    def _visitor(self, address: str, now: float) -> Visitor:
        visitor = self._visitors.get(address)
        if visitor is None:
            if len(self._visitors) >= self._sweep_at:
                self._sweep(now)
            visitor = self._visitors[address] = Visitor(now)
        return visitor

    def _sweep(self, now: float) -> None:
        """Forget who has left, and would be treated no better if he came for the first time."""
        kept = {
            key: each for key, each in self._visitors.items() if each.sockets or not each.bucket.is_full(now)
        }
        self._visitors = kept
        self._sweep_at = max(SWEEP_AT, 2 * len(kept))


def _address(scope: dict[str, Any]) -> str | None:
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name.lower() == FORWARDED_FOR]
    peer = (scope.get("client") or (None,))[0]
    return client_address(peer, forwarded, cable_settings().trusted_proxies)


class OriginGuard:
    """
    Refuses (HTTP 403) a handshake whose Origin is neither the server's own nor allowed. Without an Origin it
    is no browser's, and is admitted unless CABLE["REQUIRE_ORIGIN"].
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._admits(headers, scope.get("scheme", "")):
            await self.application(scope, receive, send)
            return
        metrics.count("handshakes:origin")
        logger.warning("refused a handshake from the origin %.200r", headers.get(b"origin"))
        await send({"type": "websocket.close"})

    def _admits(self, headers: dict[bytes, str], scheme: str) -> bool:
        origin = headers.get(b"origin")
        if origin is None:
            return not cable_settings().require_origin
        allowed = cable_settings().allowed_origins
        return any(
            is_allowed(origin, own=f"{own_scheme}://{headers.get(b'host', '')}", allowed=allowed)
            for own_scheme in _own_schemes(headers, scheme)
        )


def _own_schemes(headers: dict[bytes, str], scheme: str) -> tuple[str, ...]:
    """
    A secure page of this host is always its own. A plain one is too, unless the connection is known to be
    secure: then it may be somebody else's, on the wire.
    """
    name, value = getattr(settings, "SECURE_PROXY_SSL_HEADER", None) or ("", "")
    forwarded = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode(), "")
    secure = scheme == "wss" or (bool(value) and forwarded.split(",")[0].strip() == value)
    return ("https",) if secure else ("https", "http")

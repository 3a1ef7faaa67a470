"""
The guard of the handshake: which pages may open the socket. An ASGI middleware, before any authentication.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings

from notifications.conf import cable_settings
from notifications.metrics import metrics
from notifications.origins import is_allowed

logger = logging.getLogger(__name__)

Application = Callable[..., Awaitable[None]]


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

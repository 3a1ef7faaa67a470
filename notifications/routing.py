"""
The cable as an ASGI application, to be named for "websocket" in a ProtocolTypeRouter.
"""

from collections.abc import Collection
from typing import Any

from notifications.consumers import CableConsumer
from notifications.middleware import AddressGuard, Application, OriginGuard

PATHS = ("/cable", "/cable/")


def cable_application(paths: Collection[str] = PATHS) -> Application:
    """Answers on these paths, and refuses (HTTP 403) any other, where Channels' URLRouter would raise."""
    guarded = AddressGuard(OriginGuard(CableConsumer.as_asgi()))

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["path"] in paths:
            await guarded(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    return application

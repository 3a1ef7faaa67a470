"""
Whether a handshake is let in, by whichever way it came: a websocket's, or that of a stream.
"""

import logging
import time
from collections.abc import MutableMapping
from typing import Any

from ..ground.limits import seldom
from ..ground.metrics import metrics
from ..handshake.admission import AuthenticationUnavailable
from ..handshake.authentication import Admission, has_expired, parse_handshake
from ..handshake.subprotocol_token import conceal
from ..wire import protocol
from .hub import Hub

logger = logging.getLogger(__name__)


class Denied(Exception):
    """
    reason: as of a disconnect frame. SERVER_RESTART and UNAVAILABLE: it shall come back. UNAUTHORIZED and
    TOKEN_EXPIRED: it shall not, as it is.
    """

    def __init__(self, reason: str, counted: str) -> None:
        super().__init__(reason)
        self.reason = reason
        metrics.count(f"handshakes:{counted}")


async def let_in(hub: Hub, scope: MutableMapping[str, Any]) -> Admission:
    """scope: of ASGI; no token is in it afterwards that what reports errors would show. Raises Denied."""
    _refuse_while_draining(hub)
    handshake = parse_handshake(scope["headers"])
    conceal(scope)
    try:
        admission = await hub.authenticate(handshake)
    except AuthenticationUnavailable as exc:
        if (also := seldom.left_out("unavailable")) is not None:
            logger.error("cannot authenticate a handshake: %s%s", exc, also)
        raise Denied(protocol.UNAVAILABLE, "unavailable") from exc
    _refuse_while_draining(hub)
    if admission is None:
        raise Denied(protocol.UNAUTHORIZED, "unauthorized")
    if has_expired(admission, time.time()):
        raise Denied(protocol.TOKEN_EXPIRED, "unauthorized")
    return admission


def _refuse_while_draining(hub: Hub) -> None:
    if hub.draining:
        raise Denied(protocol.SERVER_RESTART, "draining")

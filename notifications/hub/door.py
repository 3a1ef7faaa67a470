"""
Decides whether a handshake is accepted: a websocket's, or that of an event stream.
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
    reason: as in a disconnect frame. After SERVER_RESTART and UNAVAILABLE the client should try again; after
    UNAUTHORIZED and TOKEN_EXPIRED it should not, with the same credentials.
    """

    def __init__(self, reason: str, counted: str) -> None:
        super().__init__(reason)
        self.reason = reason
        metrics.count(f"handshakes:{counted}")


async def let_in(hub: Hub, scope: MutableMapping[str, Any]) -> Admission:
    """scope: of ASGI. Removes the tokens from it that error reports would show. Raises Denied."""
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

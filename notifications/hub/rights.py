"""
Grants and ends the right to a socket. A right ends by its own time, by a revocation, or because the
authenticator no longer confirms it.

The message about a revocation goes through the broker and can be lost. So a handshake that was decided while
messages were lost is decided again, and the passes over the tables check all rights (revalidate).
"""

import time
from collections.abc import Iterable
from typing import Any

from ..conf import cable_settings
from ..handshake.admission import Doorkeeper
from ..handshake.authentication import Admission, Handshake, Nobody
from ..handshake.tickets import Ticket, ticket_of
from ..wire import protocol
from ..wire.payloads import ANONYMOUS, key_of
from .carried_out import CarriedOut
from .connection import Connection
from .registry import Registry
from .revocations import Revocations
from .state import socket_name


class Rights:
    def __init__(self, registry: Registry, doorkeeper: Doorkeeper) -> None:
        self._registry = registry
        self._doorkeeper = doorkeeper
        self._revocations = Revocations()
        self._orders = CarriedOut()
        self._doubts = 0

    async def admit(self, handshake: Handshake) -> Admission | None:
        """
        Returns None, or an admission that has expired, if this handshake has no right to a socket. Raises
        AuthenticationUnavailable.
        """
        if ticket := ticket_of(handshake):
            return ticket
        doubts = None
        while doubts != self._doubts:
            doubts, asked_at = self._doubts, time.monotonic()
            admission = await self._doorkeeper.authenticate(handshake)
        if admission is None or self._revoked_since(admission, asked_at):
            return Nobody() if cable_settings().anonymous else None
        return admission

    def doubt(self) -> None:
        """
        The message about a revocation may have been lost: handshakes that are being decided now are decided
        again.
        """
        self._doubts += 1

    def _revoked_since(self, admission: Admission, asked_at: float) -> bool:
        return self._revocations.concern(key_of(admission.user_id), admission.key, asked_at)

    # The end of a right

    def revoke(self, event: dict[str, Any]) -> int:
        """
        Carries out an events.disconnect_event once, by however many ways it arrives: a client that
        reconnected meanwhile keeps its socket. Returns how many sockets it closed.
        """
        return self._orders.once(event.get("order"), lambda: self._revoke(event))

    def _revoke(self, event: dict[str, Any]) -> int:
        if "socket" in event:
            return self._close_one(event)
        self._revocations.add(event["user_id"], event["keys"], time.monotonic())
        theirs = self._registry.of_user(event["user_id"])
        concerned = [each for each in theirs if _concerns(event, each.admission)]
        for connection in concerned:
            connection.close(event["reason"], reconnect=event["reconnect"])
        return len(concerned)

    def _close_one(self, event: dict[str, Any]) -> int:
        """Ends no right: the client may reconnect."""
        concerned = [each for each in self._registry.connections if socket_name(each) == event["socket"]]
        for connection in concerned:
            connection.close(event["reason"], reconnect=event["reconnect"])
        return len(concerned)

    def end_expired(self) -> None:
        """By the wall clock, in which a right's end is given."""
        for connection in self._registry.expire(time.time()):
            reason = protocol.TOKEN_EXPIRED if connection.extended else protocol.UNAUTHORIZED
            connection.close(reason, reconnect=False)

    async def revalidate(self, connections: Iterable[Connection]) -> None:
        """Close those that have lost their right. Raises what the authenticator does."""
        # An anonymous user has no right that could end, and a ticket expires by itself.
        asked = [
            each
            for each in connections
            if each.user_id != ANONYMOUS and not isinstance(each.admission, Ticket)
        ]
        if not asked:
            return
        admitted = await self._doorkeeper.still_admitted([each.admission for each in asked])
        for connection, still in zip(asked, admitted, strict=True):
            if not still:
                connection.close(protocol.UNAUTHORIZED, reconnect=False)


def _concerns(event: dict[str, Any], admission: Admission) -> bool:
    theirs = event["user_id"] == key_of(admission.user_id)
    return theirs and (event["keys"] is None or admission.key in event["keys"])

"""
How `cable_check` connects without a session or a token, so that nothing is written.

A ticket names a user, or none, and is signed with SECRET_KEY: anyone who has that key can sign a session or a
password-reset link as well. It is valid for this installation, and for a minute. No page can send it, since a
page cannot set the headers of a browser's websocket.
"""

import logging
import time
from dataclasses import dataclass

from django.core import signing

from ..broker.installation import prefix
from ..wire.payloads import Key
from .authentication import Handshake

logger = logging.getLogger(__name__)

HEADER = "sync-cable-check"
SECONDS = 60
# The longest header that is read.
LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """An admission that no authenticator is asked about: it expires by itself."""

    user_id: Key
    expires_at: float
    key: str = "cable_check"


def new_ticket(user_id: Key) -> str:
    """The value of the header."""
    return signing.dumps({"user": user_id}, salt=_salt())


def ticket_of(handshake: Handshake) -> Ticket | None:
    """None if it has no valid ticket."""
    text = handshake.headers.get(HEADER, "")
    if not text or len(text) > LONGEST:
        return None
    try:
        user_id = signing.loads(text, salt=_salt(), max_age=SECONDS)["user"]
    except signing.BadSignature:
        return None
    logger.info("cable_check comes in with a ticket for user %s", str(user_id).lstrip("\0"))
    return Ticket(user_id, time.time() + SECONDS)


def _salt() -> str:
    """
    With one key for two installations or tenants, a ticket of one must not be valid in the other: user 1
    differs.
    """
    return f"sync_cable.check.{prefix()}"

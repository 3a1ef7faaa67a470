"""
How `cable_check` comes in without a session or a token, so that nothing is written.

A ticket names a user, or nobody, and is signed with SECRET_KEY: whoever has that key can sign a session or
the link of a new password as well. It is for this installation, and for a minute. No page can send it, since
browsers give a websocket no headers of a page's.
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
# Of what is looked at.
LONGEST = 1_000


@dataclass(frozen=True, slots=True)
class Ticket:
    """An admission that no authenticator is asked about: it ends by itself."""

    user_id: Key
    expires_at: float
    key: str = "cable_check"


def new_ticket(user_id: Key) -> str:
    """The value of the header."""
    return signing.dumps({"user": user_id}, salt=_salt())


def ticket_of(handshake: Handshake) -> Ticket | None:
    """None if it has none that is good."""
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
    """Of two installations with one key, or two tenants, user 1 is not the same."""
    return f"sync_cable.check.{prefix()}"

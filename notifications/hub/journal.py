"""
One line in the log for each socket that opens and each that closes. The fields are in `extra`, for formatters
that show them; a token is in none of them.
"""

import logging
import time

from ..wire.payloads import shown
from .connection import Connection

logger = logging.getLogger(__name__)


def opened(connection: Connection) -> None:
    fields = {
        "event": "socket_opened",
        "user": shown(connection.user_id),
        "protocol": connection.protocol_name,
    }
    logger.info("opened a socket of user %(user)s, %(protocol)s protocol", fields, extra=fields)


def closed(connection: Connection) -> None:
    """reason: as sent to the client, or "client" if the client closed. duration: in seconds."""
    fields = {
        "event": "socket_closed",
        "user": shown(connection.user_id),
        "reason": connection.closed,
        "duration": round(time.monotonic() - connection.opened_at, 3),
        "frames_in": connection.frames_in,
        "frames_out": connection.frames_out,
    }
    logger.info(
        "closed a socket of user %(user)s: %(reason)s, after %(duration).1f s, %(frames_in)d frames in and "
        "%(frames_out)d out",
        fields,
        extra=fields,
    )

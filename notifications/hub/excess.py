"""
Limits per client. Over a limit its socket is closed, and the log names the limit.
"""

from ..conf import cable_settings
from ..ground.limits import breaches
from ..wire import protocol
from ..wire.close_codes import TOO_MANY
from ..wire.payloads import ANONYMOUS, shown
from .connection import Connection
from .registry import Registry

SOCKETS = "sockets_per_user"
FRAME_SIZE = "frame_bytes"
RATE = "commands_per_second"
SUBSCRIPTIONS = "subscriptions"
IDENTIFIERS = "identifier_bytes"


def close_over(connection: Connection, limit: str) -> None:
    """limit: the name of the limit that it exceeded."""
    breaches.report(limit, f"closed a socket of user {shown(connection.user_id)}")
    # A client that was too fast may come back; a client over another limit would only exceed it again.
    connection.close(protocol.LIMIT, reconnect=limit == RATE, code=TOO_MANY)


def may_be_added(registry: Registry, connection: Connection) -> bool:
    """Whether its user may have one more socket; otherwise it is closed."""
    settings = cable_settings()
    is_nobody = connection.user_id == ANONYMOUS
    most = settings.max_anonymous_sockets if is_nobody else settings.max_sockets_per_user
    if registry.count_of_user(connection.user_id) >= most:
        close_over(connection, SOCKETS)
    return connection.is_open


def count_frame(connection: Connection, size: int) -> bool:
    """size: in bytes. Returns whether the frame may be read; otherwise the socket is closed."""
    connection.frames_in += 1
    if size > cable_settings().max_frame_bytes:
        close_over(connection, FRAME_SIZE)
    return connection.is_open


def charge(connection: Connection, cost: float) -> bool:
    """cost: in ordinary commands. Returns whether the socket is within its limit; otherwise it is closed."""
    if not connection.allows_command(cost):
        close_over(connection, RATE)
    return connection.is_open

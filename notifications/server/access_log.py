"""
One line for each HTTP request. The hub logs the sockets.
"""

import logging
from collections.abc import Callable
from typing import Any

# For each answered request; `extra` has the same values by name.
LINE = "%(client)s %(method)s %(path)s %(status)s %(milliseconds)s ms"
LOGGER = f"{__package__}.access"


def access_log(logger: str) -> Callable[[str, str, dict[str, Any]], None]:
    """A function for daphne's action_logger that writes to the logger of this name."""
    log = logging.getLogger(logger)

    def write(protocol: str, action: str, details: dict[str, Any]) -> None:
        if protocol == "http" and action == "complete":
            fields = _fields(details)
            log.info(LINE, fields, extra=fields)

    return write


def _fields(details: dict[str, Any]) -> dict[str, Any]:
    return {
        "client": details["client"],
        "method": details["method"],
        # Without the query string, which may hold a secret.
        "path": details["path"].partition("?")[0],
        "status": details["status"],
        "milliseconds": round(details["time_taken"] * 1000, 1),
    }

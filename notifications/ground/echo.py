"""
Which client made the current request: it need not be notified of its own changes.

A page that changes a row over HTTP and listens on a websocket is notified of its own change, and refetches
what it already has. It avoids that by sending the same name in both places; see middleware.py and
docs/clients.md.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_client: ContextVar[str] = ContextVar("cable_client", default="")


def name_of(value: object) -> str:
    """The name of a client as it was sent; "" if the value is not a valid name."""
    return value if isinstance(value, str) and len(value) <= 64 and _NAME.fullmatch(value) else ""


def current_client() -> str:
    """The name that the current request sent; "" outside of a request, or if it sent none."""
    return _client.get()


@contextmanager
def changes_of(client: str) -> Iterator[None]:
    """Changes committed inside are announced to all clients but this one."""
    token = _client.set(client)
    try:
        yield
    finally:
        _client.reset(token)

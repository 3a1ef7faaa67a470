"""
Which client made the request that this code runs for: it need not hear of its own changes.

A page that changes a row by HTTP and listens by websocket hears of its own change, and refetches what it
knows. It avoids that by saying the same name in both places; see middleware.py and docs/clients.md.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_NAME = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_client: ContextVar[str] = ContextVar("cable_client", default="")


def name_of(value: object) -> str:
    """The name of a client as it was sent; "" for what is none."""
    return value if isinstance(value, str) and len(value) <= 64 and _NAME.fullmatch(value) else ""


def current_client() -> str:
    """Of the request that is answered; "" outside of one, or if it named none."""
    return _client.get()


@contextmanager
def changes_of(client: str) -> Iterator[None]:
    """What is committed within is told to everybody but this client."""
    token = _client.set(client)
    try:
        yield
    finally:
        _client.reset(token)

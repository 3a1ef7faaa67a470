"""
access_ended: sent after the commit of a change that ends a user's access, with user_id: int and
keys: list[str] | None, the jti of each token that ended; None if the user's whole access ended.
"""

from collections.abc import Iterable

from django.db import transaction
from django.dispatch import Signal

access_ended = Signal()


def announce_end(sender: type, user_id: int, keys: Iterable[str] | None = None) -> None:
    found = None if keys is None else list(keys)
    transaction.on_commit(
        lambda: access_ended.send_robust(sender, user_id=user_id, keys=found) and None, robust=True
    )

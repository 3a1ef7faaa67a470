"""One lock per user: whatever must see a user's rows as a whole (order, maximum) is written under it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth import get_user_model
from django.db import transaction


@contextmanager
def owner_locked(user_id: int) -> Iterator[bool]:
    """
    A transaction (or a part of the one that runs) in which nobody else writes rows of this user; the lock is
    held until the outermost transaction ends. Yields whether the user is still there: one who is gone is no
    error, but can be given no rows.
    """
    with transaction.atomic():
        # Not the stronger FOR UPDATE: every insert of a row that refers to the user would wait for it.
        # On SQLite the transaction itself, which is IMMEDIATE by settings, is the lock.
        users = get_user_model()._base_manager.select_for_update(no_key=True)
        yield bool(users.filter(pk=user_id).values_list("pk"))

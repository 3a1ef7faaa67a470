"""One lock per user, held by every write that depends on all rows of the user (order, maximum)."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.contrib.auth import get_user_model
from django.db import transaction


@contextmanager
def owner_locked(user_id: int) -> Iterator[bool]:
    """
    A transaction (nested in the current one, if there is one) that excludes other writers of this user's
    rows. The lock is held until the outermost transaction ends. Yields whether the user still exists: a
    deleted user is not an error here, but no row may be created for them.
    """
    with transaction.atomic():
        # FOR NO KEY UPDATE: with FOR UPDATE, each insert of a row that refers to the user would wait.
        # On SQLite the transaction itself is the lock: it is IMMEDIATE by the settings.
        users = get_user_model()._base_manager.select_for_update(no_key=True)
        yield bool(users.filter(pk=user_id).values_list("pk"))

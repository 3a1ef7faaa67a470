"""
Users by their names, and their names, for commands and the admin. Read from the database that is written to,
since an order may be about a user whom a replica does not have yet.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from ..ground.written import reading_where_written
from ..wire.payloads import Key, key_of


class NoSuchUser(LookupError):
    pass


def find_user(name: str) -> Any:
    """Raises NoSuchUser."""
    model = get_user_model()
    try:
        with reading_where_written():
            return model._default_manager.get_by_natural_key(name)
    except model.DoesNotExist as exc:
        raise NoSuchUser(f"no user {name!r:.200}") from exc


def find_user_or_key(name: str) -> Any:
    """
    By name or else by primary key. Not for orders: the name of a deleted user would be taken for another
    user's key. Raises NoSuchUser.
    """
    model = get_user_model()
    with suppress(NoSuchUser):
        return find_user(name)
    try:
        return model._default_manager.get(pk=name)
    except (model.DoesNotExist, ValueError, ValidationError, OverflowError) as exc:
        raise NoSuchUser(f"no user {name!r:.200}") from exc


def names_of(keys: Iterable[Key]) -> dict[Key, str]:
    """In one query. A key without an entry has no name: an authenticator may admit others than users."""
    asked = [key for key in keys if _may_be_a_user(key)]
    with reading_where_written():
        users = get_user_model()._default_manager.in_bulk(asked)
    return {key_of(pk): str(user) for pk, user in users.items()}


def _may_be_a_user(key: Key) -> bool:
    try:
        get_user_model()._meta.pk.to_python(key)
    except (ValueError, ValidationError):
        return False
    return True

"""Users by their names, and their names, for commands and the admin."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError

from notifications.payloads import Key, key_of


class NoSuchUser(LookupError):
    pass


def find_user(name: str) -> Any:
    """Raises NoSuchUser."""
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(name)
    except model.DoesNotExist as exc:
        raise NoSuchUser(f"no user {name!r}") from exc


def names_of(keys: Iterable[Key]) -> dict[Key, str]:
    """In one query. Whoever is not in it has no name: an authenticator may admit others than users."""
    try:
        users = get_user_model()._default_manager.in_bulk(list(keys))
    except (ValueError, ValidationError):
        return {}
    return {key_of(pk): str(user) for pk, user in users.items()}

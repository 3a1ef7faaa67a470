"""
The cable: a websocket that tells each user's clients what changed, in the words of Rails' ActionCable.

A pluggable Django app: settings.CABLE names the models, their owners and the authenticator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import QuerySet


def notify(queryset: QuerySet[Any]) -> int:
    """
    Announce every row of the queryset as updated, after the commit of the current transaction.

    For code that knows it used a bulk path which sends no signal: bulk_update, queryset.update, raw SQL.
    The rows are read now, so call it after the change. Returns how many rows were announced.
    Raises ValueError if the model is not among the resources of settings.CABLE.
    """
    from notifications.signals import notify as announce  # models load after this package

    return announce(queryset)


def disconnect(user_id: Any, *, keys: list[str] | None = None, reconnect: bool = False) -> None:
    """
    Close the sockets of a user on every process: those admitted under one of the keys, or all (None).

    Each gets a `disconnect` frame first; reconnect tells its client whether to come back.
    """
    from notifications.publisher import publish_disconnect

    publish_disconnect(user_id, keys=keys, reconnect=reconnect)

"""
The cable: a websocket that notifies each user's clients of changes, by the protocol of Rails' ActionCable.

A pluggable Django app: settings.CABLE names the models, their owners and the authenticator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from django.db.models import QuerySet

    from .operations.orders import OrderReport


def notify(queryset: QuerySet[Any]) -> int:
    """
    Announce every row of the queryset as updated, after the commit of the current transaction.

    For code that knows it used a bulk path which sends no signal: bulk_update, queryset.update, raw SQL.
    The rows are read now, with one query, so call it after the change. Returns how many were announced.
    Raises ValueError if the model is not among the resources of settings.CABLE, or the queryset is one of
    groups; TypeError for anything but a queryset.
    """
    from .changes.bulk import notify as announce  # models load after this package

    return announce(queryset)


def audience_changes(rows: QuerySet[Any]) -> AbstractContextManager[None]:
    """
    For code that changes who may see these rows without a signal: bulk paths, raw SQL, a rule of its own.

        with sync_cable.audience_changes(Card.objects.filter(board=board)):
            Membership.objects.bulk_create(memberships)

    Who may see them is read before and after, with one query each. Users who lost a row get a destroy,
    users who got one a create, after the commit of the current transaction.
    Raises ValueError if the model is not among the resources of settings.CABLE that have an audience.
    """
    from .changes.moves import audience_changes as announce

    return announce(rows)


def disconnect(user_id: Any, *, keys: Iterable[object] | None = None, reconnect: bool = False) -> None:
    """
    Close the sockets of a user on every process: those admitted under one of the keys, or all (None).

    Each gets a `disconnect` frame first; reconnect tells its client whether to come back. Returns at once,
    without a result: while Redis is down the order reaches only this process. So use it for the end of a
    right that the authenticator knows of, which the reconcile finds. Otherwise use disconnect_now.

    Raises TypeError if user_id is None, or keys a single text.
    """
    from .broker.publisher import publish_disconnect
    from .operations.orders import tell_own_hubs

    tell_own_hubs(publish_disconnect(user_id, keys=keys, reconnect=reconnect))


def disconnect_now(
    user_id: Any, *, keys: Iterable[object] | None = None, reconnect: bool = False, seconds: float = 2.0
) -> OrderReport:
    """
    As disconnect, but waits until all processes have done it, for at most `seconds` and two for Redis.

    The report says how many sockets were closed, on which processes, and what is not certain:

        report = sync_cable.disconnect_now(user.pk)
        if not report.carried_out:
            raise RuntimeError(report.problem)

    On an event loop, use `await sync_cable.operations.orders.disconnect_users([user_id])` instead.
    """
    from asgiref.sync import async_to_sync

    from .operations.orders import disconnect_users

    return async_to_sync(disconnect_users)([user_id], keys=keys, reconnect=reconnect, seconds=seconds)


def flush(timeout: float | None = None) -> bool:
    """
    Wait until everything that this process announced is published. For code that then calls os._exit or exec.

    timeout: seconds, by default CABLE["FLUSH_TIMEOUT"]. Returns whether everything was published; False also
    if something was dropped since the last call. Raises RuntimeError on a thread that runs an event loop.
    """
    from .broker.publisher import flush as flush_publisher

    return flush_publisher(timeout)

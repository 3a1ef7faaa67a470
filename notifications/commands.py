"""
What a client may ask of its connection: subscribe, unsubscribe, history.

A subscription is confirmed once its stream is joined; then follows what it missed, if it asked for that;
then it is live, and what was published meanwhile follows, unless the replay had it already.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from notifications import protocol
from notifications.broker import Broker
from notifications.catch_up import CatchUp
from notifications.conf import cable_settings
from notifications.connection import Connection
from notifications.database import DatabaseThreads
from notifications.events import group_for_user
from notifications.history import (
    MICROSECONDS,
    HistoryGone,
    TooMuchToReplay,
    changes_since,
    microseconds_now,
    resume_position,
)
from notifications.metrics import metrics
from notifications.models import Epoch
from notifications.payloads import Change, Key
from notifications.protocol import Command, HistoryRequest
from notifications.registry import Registry
from notifications.subscriptions import AlreadySubscribed, Replayed, Subscription, TooManySubscriptions

logger = logging.getLogger(__name__)


class Commands:
    """
    on_epoch: called with the numbering of positions that the tables have. on_limit: called with a connection
    and the name of the limit that it broke, to close it.
    """

    def __init__(
        self,
        registry: Registry,
        broker: Broker,
        readers: DatabaseThreads,
        catch_up: CatchUp,
        on_epoch: Callable[[str], None],
        on_limit: Callable[[Connection, str], None],
    ) -> None:
        self._registry = registry
        self._broker = broker
        self._readers = readers
        self._catch_up = catch_up
        self._on_epoch = on_epoch
        self._on_limit = on_limit

    async def handle(self, connection: Connection, command: Command) -> None:
        """Raises ProtocolError for what is answered with silence."""
        if command.name == protocol.SUBSCRIBE:
            await self._subscribe(connection, command)
        elif command.name == protocol.UNSUBSCRIBE:
            self._unsubscribe(connection, command.identifier)
        elif command.name == protocol.HISTORY:
            await self._replay_again(connection, command)

    def stop_listening(self, connection: Connection) -> None:
        self._registry.stop_listening(connection)
        if not self._registry.has_listeners(connection.user_id):
            self._broker.leave(group_for_user(connection.user_id))

    # Subscribing

    async def _subscribe(self, connection: Connection, command: Command) -> None:
        identifier = command.identifier
        if identifier in connection.subscriptions:
            return
        wanted = protocol.parse_identifier(identifier)
        try:
            subscription = connection.subscriptions.add(identifier, microseconds_now())
        except AlreadySubscribed:
            return
        except TooManySubscriptions:
            self._on_limit(connection, "subscriptions")
            return
        try:
            self._registry.listen(connection)
            # Not confirmed before the join: once confirmed, a client counts on hearing of changes.
            await self._broker.join(group_for_user(connection.user_id))
            await self._begin(connection, subscription, wanted.since, command.history)
        except BaseException:
            self._unsubscribe(connection, identifier)
            raise

    def _unsubscribe(self, connection: Connection, identifier: str) -> None:
        connection.subscriptions.remove(identifier)
        if not connection.subscriptions:
            self.stop_listening(connection)

    async def _begin(
        self, connection: Connection, subscription: Subscription, since: int | None, history: Any
    ) -> None:
        if connection.extended:
            connection.write(protocol.confirm_subscription(subscription.identifier))
            request = protocol.parse_history(history, group_for_user(connection.user_id))
            if request is not None:
                await self._answer_history(connection, subscription, request)
        elif since is None:
            connection.write(protocol.confirm_subscription(subscription.identifier))
        else:
            await self._replay_on_base(connection, subscription, since)
        self._go_live(connection, subscription, {})

    # Replays

    async def _replay_on_base(self, connection: Connection, subscription: Subscription, since: int) -> None:
        now = microseconds_now()
        try:
            changes = await self._readers.run(lambda: _read(connection.user_id, since * MICROSECONDS))
        except TooMuchToReplay:
            connection.write(protocol.reject_subscription(subscription.identifier))
            self._unsubscribe(connection, subscription.identifier)
            return
        connection.write(protocol.confirm_subscription(subscription.identifier))
        await self._write_replay(connection, subscription, changes, now)
        self._go_live(connection, subscription, _positions(changes))

    async def _replay_again(self, connection: Connection, command: Command) -> None:
        """`history` on an active subscription: as in subscribe, without the confirm."""
        subscription = connection.subscriptions.get(command.identifier)
        request = protocol.parse_history(command.history, group_for_user(connection.user_id))
        if subscription is not None and request is not None:
            subscription.hold()
            await self._answer_history(connection, subscription, request)
            self._go_live(connection, subscription, {})

    async def _answer_history(
        self, connection: Connection, subscription: Subscription, request: HistoryRequest
    ) -> None:
        """All or nothing: the replay and its confirm, or only a reject."""
        now = microseconds_now()
        try:
            epoch, changes = await self._readers.run(lambda: _resume(connection.user_id, request, now))
        except (HistoryGone, TooMuchToReplay) as exc:
            metrics.count(f"history_rejected:{type(exc).__name__}")
            connection.write(protocol.reject_history(subscription.identifier))
            return
        except Exception:
            # The client is told to refetch; the subscription lives on.
            logger.exception("could not read the history of user %s", connection.user_id)
            connection.write(protocol.reject_history(subscription.identifier))
            return
        self._on_epoch(epoch)
        if request.offset is not None:
            subscription.cursor = request.offset
        await self._write_replay(connection, subscription, changes, now)
        connection.write(protocol.confirm_history(subscription.identifier))
        self._go_live(connection, subscription, _positions(changes))

    async def _write_replay(
        self, connection: Connection, subscription: Subscription, changes: list[Change], now: int
    ) -> None:
        """now: when the tables were read. Cursors never promise more than that reading found."""
        self._catch_up.see(changes)
        for change in changes:
            connection.write_change(subscription, change, now)
            await connection.written()
        metrics.count("replayed", len(changes))

    def _go_live(self, connection: Connection, subscription: Subscription, replayed: Replayed) -> None:
        """What was held back follows, unless the replay had it already."""
        for change in subscription.release(replayed):
            connection.write_change(subscription, change, self._catch_up.reconciled)


def _read(user_id: Key, position: int) -> list[Change]:
    return list(changes_since([user_id], position, limit=cable_settings().replay_limit))


def _resume(user_id: Key, request: HistoryRequest, now: int) -> tuple[str, list[Change]]:
    """
    With the epoch as the tables have it: word of a renewal may not have come yet, and a position of the
    numbering before must not be confirmed. Raises HistoryGone or TooMuchToReplay.
    """
    epoch = Epoch.current()
    position = resume_position(request, epoch=epoch, now=now)
    return epoch, [] if position is None else _read(user_id, position)


def _positions(changes: Iterable[Change]) -> Replayed:
    return {change.row: change.position for change in changes}

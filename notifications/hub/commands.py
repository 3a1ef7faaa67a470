"""
The commands of a client: subscribe, unsubscribe, history.

A subscription is confirmed once its stream is joined. Then follows the replay, if the client asked for one.
Then the subscription is live: what was published meanwhile follows, except what the replay contained.
"""

import logging
from collections.abc import Iterator, Sequence

from ..broker.broker import Broker
from ..broker.events import group_for_user, public_group, stream_of_user
from ..changes.history import (
    HistoryGone,
    TooMuchToReplay,
    changes_since,
    counted_from,
    microseconds_now,
    reach,
    resume_position,
)
from ..changes.resources import monotonic_resources
from ..conf import cable_settings
from ..ground.database import DatabaseThreads
from ..ground.metrics import metrics
from ..models import Epoch
from ..wire import protocol
from ..wire.event_stream import POSITION, REPLAY_LIMIT
from ..wire.payloads import PUBLIC, Change, Key
from ..wire.protocol import Command, HistoryRequest, Identifier
from ..wire.subscriptions import IdentifiersTooLong, Subscription, TooManySubscriptions
from . import excess
from .catch_up import CatchUp
from .connection import HELD_BACK, Connection
from .epoch import KnownEpoch
from .registry import Registry
from .replays import Reading, Replays, Told

logger = logging.getLogger(__name__)


class Commands:
    """epoch: is given the epoch that a replay read from the tables."""

    def __init__(
        self,
        registry: Registry,
        broker: Broker,
        readers: DatabaseThreads,
        catch_up: CatchUp,
        replays: Replays,
        epoch: KnownEpoch,
    ) -> None:
        self._registry = registry
        self._broker = broker
        self._readers = readers
        self._catch_up = catch_up
        self._replays = replays
        self._epoch = epoch

    async def handle(self, connection: Connection, command: Command) -> None:
        """Raises ProtocolError for a command that gets no answer."""
        if command.name == protocol.SUBSCRIBE:
            await self._subscribe(connection, command)
        elif command.name == protocol.UNSUBSCRIBE:
            self._unsubscribe(connection, command.identifier)
        elif command.name == protocol.HISTORY:
            await self._replay_again(connection, command)

    def stop_listening(self, connection: Connection) -> None:
        self._registry.stop_listening(connection)
        for key in connection.hears:
            if not self._registry.has_listeners(key):
                self._broker.leave(_group_of(key))

    # Subscribing

    async def _subscribe(self, connection: Connection, command: Command) -> None:
        if command.identifier in connection.subscriptions:
            return
        channels = cable_settings().channels
        wanted = protocol.parse_identifier(command.identifier, channels)
        subscription = self._add(connection, command.identifier)
        if subscription is None:
            return
        subscription.client, subscription.resources = wanted.client, channels.get(wanted.channel)
        request = _request(connection, wanted, command)
        if request is not None:
            connection.owe_since(request.position)
        try:
            self._registry.listen(connection)
            # Not confirmed before the join: a client with a confirmed subscription relies on receiving
            # changes.
            for key in connection.hears:
                await self._broker.join(_group_of(key))
            await self._begin(connection, subscription, request)
        except BaseException:
            self._unsubscribe(connection, command.identifier)
            raise

    def _add(self, connection: Connection, identifier: str) -> Subscription | None:
        """None if this exceeded a limit, and the connection was closed."""
        limit = excess.RATE
        if connection.allows_command(1):
            try:
                return connection.subscriptions.add(identifier, microseconds_now())
            except TooManySubscriptions:
                limit = excess.SUBSCRIPTIONS
            except IdentifiersTooLong:
                limit = excess.IDENTIFIERS
        excess.close_over(connection, limit)
        return None

    def _unsubscribe(self, connection: Connection, identifier: str) -> None:
        connection.subscriptions.remove(identifier)
        if not connection.subscriptions:
            self.stop_listening(connection)

    async def _begin(
        self, connection: Connection, subscription: Subscription, request: HistoryRequest | None
    ) -> None:
        if request is not None and not connection.extended:
            await self._replay_on_base(connection, subscription, request)
            return
        connection.confirm(subscription)
        if request is None:
            await self._go_live(connection, subscription, {})
        else:
            await self._answer_history(connection, subscription, request)

    # Replays

    async def _replay_on_base(
        self, connection: Connection, subscription: Subscription, request: HistoryRequest
    ) -> None:
        now = microseconds_now()
        subscription.replay(now)
        reading = Reading(
            self._readers,
            connection.hears,
            lambda: _read(connection.hears, request, _epoch_for(request), now),
        )
        try:
            await reading.start()
        except (HistoryGone, TooMuchToReplay) as exc:
            metrics.count(f"history_rejected:{type(exc).__name__}")
            connection.reject(subscription)
            self._unsubscribe(connection, subscription.identifier)
            return
        connection.confirm(subscription)
        try:
            told = await self._replays.tell(connection, subscription, reading, now)
        except Exception:
            # The subscription was confirmed, and the base protocol has no frame for this failure: the client
            # asks again when it reconnects.
            logger.exception("could not read all that user %s missed", connection.user_id)
            connection.close(protocol.REMOTE, reconnect=True)
            return
        await self._go_live(connection, subscription, told)

    async def _replay_again(self, connection: Connection, command: Command) -> None:
        """`history` on an active subscription: as in subscribe, without the confirm."""
        subscription = connection.subscriptions.get(command.identifier)
        request = protocol.parse_history(command.history, stream_of_user(connection.user_id))
        if subscription is not None and request is not None:
            connection.owe_since(request.position)
            await self._answer_history(connection, subscription, request)

    async def _answer_history(
        self, connection: Connection, subscription: Subscription, request: HistoryRequest
    ) -> None:
        """The replay and its confirm; or a reject, which tells the client to refetch. Live after either."""
        try:
            told = await self._replay(connection, subscription, request)
            await self._replays.settle(connection, subscription, told)
        except (HistoryGone, TooMuchToReplay) as exc:
            metrics.count(f"history_rejected:{type(exc).__name__}")
            reason = POSITION if isinstance(exc, HistoryGone) else REPLAY_LIMIT
        except Exception:
            # The subscription stays active.
            logger.exception("could not read the history of user %s", connection.user_id)
            reason = protocol.UNAVAILABLE
        else:
            connection.confirm_history(subscription)
            self._release(connection, subscription, told)
            return
        connection.reject_history(subscription, reason, self._catch_up.horizon)
        subscription.refuse()
        await self._go_live(connection, subscription, {})

    async def _replay(
        self, connection: Connection, subscription: Subscription, request: HistoryRequest
    ) -> Told:
        """Raises HistoryGone or TooMuchToReplay before it sends anything."""
        now = microseconds_now()
        subscription.replay(now)
        epoch = ""

        def begin() -> Iterator[Change]:
            # From the tables: the message about a renewal may not have arrived yet, and a position of the
            # previous epoch must not be confirmed.
            nonlocal epoch
            epoch = Epoch.current()
            return _read(connection.hears, request, epoch, now)

        reading = Reading(self._readers, connection.hears, begin)
        await reading.start()
        self._epoch.adopt(epoch)
        if request.offset is not None:
            subscription.cursor = request.offset
        return await self._replays.tell(connection, subscription, reading, now)

    async def _go_live(self, connection: Connection, subscription: Subscription, told: Told) -> None:
        await self._replays.settle(connection, subscription, told)
        self._release(connection, subscription, told)

    def _release(self, connection: Connection, subscription: Subscription, told: Told) -> None:
        """Sends what was held back, except what the replay contained, if the socket is still open."""
        if not connection.is_open:
            return
        horizon = self._catch_up.horizon
        for change in subscription.release(told, monotonic_resources()):
            connection.write_change(subscription, change, horizon, HELD_BACK)


def _epoch_for(request: HistoryRequest) -> str:
    """The epoch in the tables; "" for a `since`, which belongs to no epoch."""
    return "" if request.epoch is None else Epoch.current()


def _group_of(key: Key) -> str:
    return public_group() if key == PUBLIC else group_for_user(key)


def _request(connection: Connection, wanted: Identifier, command: Command) -> HistoryRequest | None:
    """
    The replay that the client asks for: on base in the identifier; on extended in the command or, as a
    position, in the identifier.
    """
    named = wanted.request
    if not connection.extended:
        return named
    request = protocol.parse_history(command.history, stream_of_user(connection.user_id))
    return named if request is None and named is not None and named.since is None else request


def _read(users: Sequence[Key], request: HistoryRequest, epoch: str, now: int) -> Iterator[Change]:
    """epoch: the one in the tables. Raises HistoryGone or TooMuchToReplay."""
    position = resume_position(request, epoch=epoch, now=now)
    if position is None:
        return iter(())
    counted, limit = counted_from(request, position), cable_settings().replay_limit
    return changes_since(users, reach().certain(position), limit=limit, counted=counted)

"""
One socket, as the hub sees it: its user, its subscriptions, what it is sent, and until when the client has
everything.
"""

import itertools
import secrets
import time
from collections.abc import Callable

from ..broker.events import stream_of_user
from ..conf import CableSettings
from ..ground.limits import TokenBucket
from ..ground.metrics import metrics
from ..handshake.authentication import Admission
from ..wire import protocol
from ..wire.connection_states import LIVE, OPEN
from ..wire.framing import DirectWrite
from ..wire.payloads import Change, Key, key_of
from ..wire.positions import MICROSECONDS
from ..wire.subscriptions import Subscription, Subscriptions
from .socket import Send, Socket

# How a change came to a socket: it was published; it was published during a replay, and held back; it was
# part of a replay that the client asked for; a pass over the tables found it.
BY_BROKER, HELD_BACK, BY_REPLAY, BY_PASS = "live", "held", "replay", "pass"

# Numbers the connections of this process, in the order in which they open.
_numbers = itertools.count(1)


OnTold = Callable[["Connection", Change, str], None]


class Connection(Socket):
    """
    send, direct: see Socket.
    position: the stream_id and epoch of its data frames as JSON; None on a base connection.
    on_close: called once, when it is decided that this connection ends.
    frames_in: how many the client sent.
    hears: the users, perhaps with PUBLIC, whose changes it is sent.
    on_told: called with the connection, each change sent to it, and the way; None while unused (tails.py).
    pinged: until when the client certainly has everything, in whole seconds since the epoch: the time
    in a ping that was sent when nothing older was waiting to be written.
    """

    __slots__ = (
        "_commands",
        "_on_close",
        "admission",
        "frames_in",
        "hears",
        "number",
        "on_told",
        "opened_at",
        "pinged",
        "position",
        "slot",
        "subscriptions",
    )

    def __init__(
        self,
        send: Send,
        direct: DirectWrite | None,
        admission: Admission,
        position: str | None,
        limits: CableSettings,
        on_close: "Callable[[Connection], None]",
    ) -> None:
        # In its form on the wire: an authenticator may return a UUID.
        super().__init__(send, direct, key_of(admission.user_id), limits)
        self.admission = admission
        self.hears: tuple[Key, ...] = (self.user_id,)
        self.position = position
        self.subscriptions = Subscriptions(limits.max_subscriptions, limits.max_identifier_bytes)
        self.number = next(_numbers)
        self.opened_at = time.monotonic()
        self.frames_in = 0
        self.slot = 0
        self.on_told: OnTold | None = None
        self.pinged = 0
        self._on_close = on_close
        self._commands = TokenBucket(limits.commands_per_second, limits.commands_burst, self.opened_at)

    def on_close(self) -> None:
        self._on_close(self)

    @property
    def extended(self) -> bool:
        return self.position is not None

    @property
    def protocol_name(self) -> str:
        """Its name, in logs and metrics."""
        return "extended" if self.extended else "base"

    def renumber(self, epoch: str) -> None:
        """Positions belong to another epoch from now on."""
        if self.extended:
            self.position = protocol.position_of(stream_of_user(self.user_id), epoch)

    def allows_command(self, cost: float) -> bool:
        """cost: 1 of an ordinary command."""
        return self._commands.take(time.monotonic(), cost)

    # Answers to commands

    def welcome(self) -> None:
        self.write(protocol.welcome(secrets.token_urlsafe(12) if self.extended else None))

    def confirm(self, subscription: Subscription) -> None:
        """From now on the client relies on receiving changes."""
        self.write(protocol.confirm_subscription(subscription.identifier))

    def reject(self, subscription: Subscription) -> None:
        self.write(protocol.reject_subscription(subscription.identifier))

    def confirm_history(self, subscription: Subscription) -> None:
        """The client has been sent all that it had missed."""
        self.write(protocol.confirm_history(subscription.identifier))

    def reject_history(self, subscription: Subscription, reason: str, horizon: int) -> None:
        """
        The client cannot be sent what it missed. reason: protocol.UNAVAILABLE, or one of
        wire/event_stream.py.
        horizon: as in deliver.
        """
        self.write(protocol.reject_history(subscription.identifier))

    # Changes

    def keeps(self, change: Change) -> bool:
        """Whether it is a destroy for everybody, of a row that this user can still see."""
        return self.user_id in change.kept_by

    def deliver(self, change: Change, horizon: int) -> None:
        """
        Sends the change to each subscription, except those of the client that made it. horizon: the latest
        position that may be given out.
        """
        if change.kept_by and self.keeps(change):
            return
        subscriptions = tuple(self.subscriptions)
        if change.client:
            subscriptions = tuple(each for each in subscriptions if each.client != change.client)
        if self._limits.channels:
            subscriptions = tuple(each for each in subscriptions if each.concerns(change))
        # A hundred system calls for each change of one user would delay all others.
        if len(subscriptions) > 1 and self.writes_together and self.subscriptions.all_live:
            self.write_together([self._frame_of(each, change, horizon) for each in subscriptions])
            metrics.deliveries += len(subscriptions)
            if self.on_told is not None:
                for _ in subscriptions:
                    self.on_told(self, change, BY_BROKER)
            return
        for subscription in subscriptions:
            self._deliver_to(subscription, change, horizon, BY_BROKER)

    def deliver_missed(self, change: Change, horizon: int, tolerance: int) -> None:
        """
        As deliver, but not to a subscription that began more than tolerance (microseconds) after the change:
        a base client that asked for no history gets none.
        """
        if self.keeps(change):
            return
        for subscription in tuple(self.subscriptions):
            if subscription.started <= change.position + tolerance and subscription.concerns(change):
                self._deliver_to(subscription, change, horizon, BY_PASS)

    def _deliver_to(self, subscription: Subscription, change: Change, horizon: int, way: str) -> None:
        if subscription.state is LIVE:
            self.write_change(subscription, change, horizon, way)
        else:
            subscription.hold_back(change, self._limits.replay_limit)

    def write_change(self, subscription: Subscription, change: Change, horizon: int, way: str) -> None:
        """horizon: as in deliver. way: one of those above."""
        frame = self._frame_of(subscription, change, horizon)
        metrics.deliveries += 1
        if self.state is OPEN:
            self._transmit(frame)
        else:
            # Ranked by the change's time, which clients compare: the row may be saved with an earlier one
            # (recent.py).
            self.write(frame, key=(subscription.identifier, change.row), rank=change.time)
        if self.on_told is not None:
            self.on_told(self, change, way)

    def _frame_of(self, subscription: Subscription, change: Change, horizon: int) -> str:
        if self.position is None:
            return protocol.message(subscription.head, change.payload)
        offset = subscription.next_offset(change.time, horizon)
        return protocol.positioned_message(subscription.head, change.payload, self.position, offset)

    # Pings

    def ping(self, frame: str, at: int) -> None:
        """
        frame: the ping with the time `at`, in seconds since the epoch. A client resumes from the time of its
        last ping. A ping overtakes frames in the outbox, and changes that a subscription is still owed: as
        long as there are any, a ping has the time until which the client certainly has everything.
        """
        if self.state is OPEN and self.subscriptions.all_live:
            self.pinged = at
            self.write_first(frame)
        else:
            self.write_first(protocol.ping(self.pinged))

    def owe_since(self, since: float | None) -> None:
        """
        The client may lack everything after `since`: microseconds since the epoch, or any other number that a
        client may send; None if it asked for nothing.
        """
        if since is not None:
            self.pinged = int(min(self.pinged * MICROSECONDS, since)) // MICROSECONDS

"""
A connection whose client reads Server-Sent Events: the answer to one GET, which is its only command.

To the hub it is a connection of the extended protocol with one subscription. Only its encoding differs
(wire/event_stream.py), and how it ends: with an HTTP status before the answer has begun, with an event after
that.
"""

import random
from collections.abc import Callable

from ..conf import CableSettings
from ..handshake.authentication import Admission
from ..wire import event_stream, protocol
from ..wire.connection_states import OPEN
from ..wire.event_stream import as_bytes
from ..wire.framing import DirectWrite
from ..wire.payloads import Change
from ..wire.positions import MICROSECONDS
from ..wire.protocol import position_text
from ..wire.subscriptions import Subscription
from .connection import Connection
from .socket import Message, Send

# Makes the first two messages of an answer: its start, and the whole body of a refusal for this reason. None:
# not refused, the stream begins.
Head = Callable[[str | None], tuple[Message, Message]]


def _retry() -> int:
    return random.randint(*event_stream.RETRY)  # noqa: S311 spreads, hides nothing


class EventStream(Connection):
    """
    epoch: of its positions. head: see Head. resumes: whether the client sent a position, and gets a replay
    from there.
    """

    __slots__ = ("_epoch", "_head", "_resumes")

    # None once the answer has begun.
    _head: Head | None

    def __init__(
        self,
        send: Send,
        direct: DirectWrite | None,
        admission: Admission,
        epoch: str,
        limits: CableSettings,
        on_close: "Callable[[Connection], None]",
        head: Head,
        *,
        resumes: bool,
    ) -> None:
        # The text of `position` is not used here, but one that is not None makes the connection an extended
        # one.
        super().__init__(send, direct, admission, "", limits, on_close)
        self._epoch = epoch
        self._head = head
        self._resumes = resumes

    @property
    def protocol_name(self) -> str:
        return "events"

    def renumber(self, epoch: str) -> None:
        self._epoch = epoch

    def _at(self, position: int) -> str:
        return position_text(self._epoch, position)

    # In the server's form

    def _message(self, text: str) -> Message:
        return {"type": "http.response.body", "body": as_bytes(text), "more_body": True}

    def _bytes(self, text: str) -> bytes:
        return as_bytes(text)

    def _farewell(self, reason: str | None, reconnect: bool, code: int) -> tuple[Message, Message]:
        if self._head is not None:
            return self._head(reason or protocol.REMOTE)
        text = event_stream.disconnect(reason, reconnect=reconnect, retry=_retry())
        return self._message(text), {"type": "http.response.body", "body": b"", "more_body": False}

    # Answers to its one command

    def welcome(self) -> None:
        """
        Sends nothing: until the subscription is confirmed, the request may still be refused with a status.
        """

    def confirm(self, subscription: Subscription) -> None:
        if self._head is None or not self.is_open:
            return
        (start, _), self._head = self._head(None), None
        self._give(start)
        position = None if self._resumes else self._at(self.pinged * MICROSECONDS)
        self.write(event_stream.opening(position, _retry()))

    def confirm_history(self, subscription: Subscription) -> None:
        """Sends nothing: the next heartbeat moves the position."""

    def reject_history(self, subscription: Subscription, reason: str, horizon: int) -> None:
        if reason == protocol.UNAVAILABLE:
            # The client comes back with its position, and gets the replay then.
            self.close(reason, reconnect=True)
            return
        subscription.cursor = max(subscription.cursor, horizon)
        self.write(event_stream.refetch(self._at(subscription.cursor), reason))

    # Changes and heartbeats

    def _frame_of(self, subscription: Subscription, change: Change, horizon: int) -> str:
        offset = subscription.next_offset(change.time, horizon)
        return event_stream.notification(self._at(offset), change.payload)

    def ping(self, frame: str, at: int) -> None:
        if self._head is not None:
            return
        if self.state is not OPEN or not self.subscriptions.all_live:
            self.write_first(event_stream.BARE_PING)
            return
        position = at * MICROSECONDS
        for subscription in self.subscriptions:
            # The offsets of later changes are greater.
            subscription.cursor = position = max(subscription.cursor, position)
        self.pinged = at
        self.write_first(event_stream.ping(self._at(position)))

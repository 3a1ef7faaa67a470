"""
One socket, as the hub sees it: who it belongs to, what it subscribed to, and how frames are written to it.

Frames are written synchronously as long as the server takes them at once (daphne always does). When its
`send` has to wait, the socket is congested: what follows goes to a bounded outbox, and a task of its own
writes it. So nobody ever waits for a slow socket, and a socket that keeps up costs no task and no queue.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from notifications import eager, protocol
from notifications.authentication import Admission
from notifications.conf import CableSettings
from notifications.framing import DirectWrite, text_frame
from notifications.limits import TokenBucket, breaches
from notifications.metrics import metrics
from notifications.outbox import Outbox, OutboxFull
from notifications.payloads import Change, key_of
from notifications.subscriptions import Subscription, Subscriptions

Send = Callable[[dict[str, Any]], Awaitable[None]]

NORMAL_CLOSURE = 1000
# For the end of a connection without a close frame: a server says it to us, nobody can send it.
ABNORMAL_CLOSURE = 1006
# And the reason with it, from lessy/server.py alone, when nobody answered any more.
DEAD_PEER = "dead_peer"
INTERNAL_ERROR = 1011
# 4000-4999 is ours to define; 4008 and 4029 echo HTTP's 408 and 429.
TOO_SLOW = 4008
TOO_MANY = 4029


class Connection:
    """
    direct: the server's way around `send`, where it has one (framing.py).
    position: the stream_id and epoch of its data frames as JSON; None on a base connection.
    on_close: called once, when it was decided that this connection ends.
    frames_in, frames_out: how many the client sent, and how many were given to the server to write.
    """

    __slots__ = (
        "_commands",
        "_direct",
        "_limits",
        "_on_close",
        "_outbox",
        "_send",
        "_writer",
        "_written",
        "admission",
        "closed",
        "frames_in",
        "frames_out",
        "opened_at",
        "position",
        "slot",
        "subscriptions",
        "user_id",
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
        self._send = send
        self._direct = direct
        self.admission = admission
        # As it travels: an authenticator may say a UUID.
        self.user_id = key_of(admission.user_id)
        self.position = position
        self.subscriptions = Subscriptions(limits.max_subscriptions)
        self.closed: str | None = None
        self.opened_at = time.monotonic()
        self.frames_in = self.frames_out = 0
        self.slot = 0
        self._on_close = on_close
        self._limits = limits
        self._outbox: Outbox | None = None
        self._writer: asyncio.Task[None] | None = None
        self._written: asyncio.Event | None = None
        self._commands = TokenBucket(limits.commands_per_second, limits.commands_burst, self.opened_at)

    @property
    def extended(self) -> bool:
        return self.position is not None

    # Writing

    def deliver(self, change: Change, now: int) -> None:
        """To each of its subscriptions. now: see Subscription.next_offset."""
        for subscription in tuple(self.subscriptions):
            self._deliver_to(subscription, change, now)

    def deliver_missed(self, change: Change, now: int, tolerance: int) -> None:
        """
        As deliver, but not to a subscription that began more than tolerance (microseconds) after the change:
        a base client that asked for no history gets none.
        """
        for subscription in tuple(self.subscriptions):
            if subscription.started <= change.position + tolerance:
                self._deliver_to(subscription, change, now)

    def _deliver_to(self, subscription: Subscription, change: Change, now: int) -> None:
        if subscription.held is None:
            self.write_change(subscription, change, now)
        elif len(subscription.held) < self._limits.replay_limit:
            subscription.held.append(change)
        else:
            self._too_slow("replay_limit")

    def write_change(self, subscription: Subscription, change: Change, now: int) -> None:
        if self.position is None:
            frame = protocol.message(subscription.head, change.payload)
        else:
            offset = subscription.next_offset(change.position, now)
            frame = protocol.positioned_message(subscription.head, change.payload, self.position, offset)
        metrics.deliveries += 1
        if self._outbox is None:
            self.write(frame)
        else:
            self.write(frame, key=(subscription.identifier, change.row))

    def write(self, frame: str, *, key: Hashable = None) -> None:
        """In the order of the calls. key: see Outbox.put."""
        if self._outbox is None:
            self._transmit(frame)
        elif self.closed is None:
            try:
                self._outbox.put(frame, key)
            except OutboxFull:
                self._too_slow("outbox")

    def write_first(self, frame: str) -> None:
        """Before whatever waits in the outbox: pings, which keep the client from giving up on us."""
        if self._outbox is None:
            self._transmit(frame)
        elif self.closed is None:
            try:
                self._outbox.put_control(frame)
            except OutboxFull:
                self._too_slow("outbox")

    def _transmit(self, text: str) -> None:
        if self.closed is not None:
            return
        self.frames_out += 1
        if self._direct is not None and self._direct(text_frame(text)):
            return
        try:
            waiting = eager.start(self._send({"type": "websocket.send", "text": text}))
        except Exception as exc:  # the server's word that this socket is gone; which one, differs by server
            self.end(f"cannot write: {type(exc).__name__}")
            return
        if waiting is not None:
            self._outbox = Outbox(self._limits.outbox_frames, self._limits.outbox_bytes)
            self._written = asyncio.Event()
            draining = self._drain(waiting, self._outbox, self._written)
            self._writer = asyncio.get_running_loop().create_task(draining)

    async def _drain(self, waiting: Awaitable[None], outbox: Outbox, written: asyncio.Event) -> None:
        """Runs while the socket is congested, and then removes the outbox."""
        try:
            await waiting
            while (frame := outbox.pop()) is not None:
                self.frames_out += 1
                await self._send({"type": "websocket.send", "text": frame})
        except Exception as exc:
            self.end(f"cannot write: {type(exc).__name__}")
        finally:
            self._outbox = None
            written.set()

    async def written(self) -> None:
        """Wait while the socket is congested. For replays: they are longer than any outbox."""
        while self._written is not None and self._outbox is not None:
            await self._written.wait()

    @property
    def congested(self) -> bool:
        return self._outbox is not None

    @property
    def outbox_bytes(self) -> int:
        return self._outbox.bytes if self._outbox is not None else 0

    # Ending

    def close(self, reason: str | None, *, reconnect: bool, code: int = NORMAL_CLOSURE) -> None:
        """A `disconnect` frame and the close. After this call nothing else is written, whatever happens."""
        if self.closed is not None:
            return
        congested = self._outbox is not None
        self.end(reason or "closed")
        frame = {"type": "websocket.send", "text": protocol.disconnect(reason, reconnect=reconnect)}
        farewell = self._say_farewell(frame, {"type": "websocket.close", "code": code}, congested)
        self._writer = eager.start(farewell)

    async def _say_farewell(self, frame: dict[str, Any], close: dict[str, Any], congested: bool) -> None:
        """Never raises: the socket may be gone already."""
        with contextlib.suppress(Exception):
            # Behind a full buffer the frame would wait for ever: its client has to do without.
            if not congested:
                await self._send(frame)
        with contextlib.suppress(Exception):
            await self._send(close)

    def end(self, reason: str) -> None:
        """It is over, whoever decided it. Idempotent; never raises."""
        if self.closed is None:
            self.closed = reason
            if self._writer is not None:
                self._writer.cancel()
            self._on_close(self)

    # Limits

    def allows_command(self) -> bool:
        return self._commands.take(time.monotonic())

    def _too_slow(self, limit: str) -> None:
        breaches.report(limit, f"closed a socket of user {self.user_id} that does not read")
        self.close(protocol.TOO_SLOW, reconnect=True, code=TOO_SLOW)

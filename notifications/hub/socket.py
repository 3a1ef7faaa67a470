"""
Writes frames to one socket, and closes it. Its states are a table (wire/connection_states.py).

It is a websocket, unless a subclass says otherwise (event_stream.py): only the server's form of a frame, and
the last frames, differ.

Frames are written synchronously as long as the server takes them at once (daphne always does). When its
`send` has to wait, the socket is congested: what follows goes to a bounded outbox, and a task of its own
writes it. So a slow socket delays no other, and a socket that keeps up costs no task and no queue.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Any

from ..conf import CableSettings
from ..ground import eager
from ..ground.limits import breaches
from ..wire import protocol
from ..wire.close_codes import NORMAL_CLOSURE, TOO_SLOW
from ..wire.connection_states import CONGESTED, CONNECTION, OPEN, ConnectionEvent, ConnectionState
from ..wire.framing import DirectWrite, text_frame
from ..wire.outbox import Outbox, OutboxFull
from ..wire.payloads import Key, shown
from ..wire.states import following

Message = dict[str, Any]
Send = Callable[[Message], Awaitable[None]]


class Socket:
    """
    user_id: its user. direct: the server's shortcut around `send`, if it has one (framing.py).
    closed: the reason of its end, once that is decided. frames_out: how many were given to the server.
    """

    __slots__ = (
        "_direct",
        "_limits",
        "_outbox",
        "_send",
        "_writer",
        "_written",
        "closed",
        "frames_out",
        "state",
        "user_id",
    )

    # Exist only while the socket is CONGESTED.
    _outbox: Outbox
    _written: asyncio.Event

    def __init__(self, send: Send, direct: DirectWrite | None, user_id: Key, limits: CableSettings) -> None:
        self.state: ConnectionState = OPEN
        self.user_id = user_id
        self.closed: str | None = None
        self.frames_out = 0
        self._send = send
        self._direct = direct
        self._limits = limits
        self._writer: asyncio.Task[None] | None = None

    # For a subclass

    def on_close(self) -> None:
        """Called once, when it is decided that the socket ends."""

    def _message(self, text: str) -> Message:
        """A frame, as the server's `send` takes it."""
        return {"type": "websocket.send", "text": text}

    def _bytes(self, text: str) -> bytes:
        """A frame, as DirectWrite takes it."""
        return text_frame(text)

    def _farewell(self, reason: str | None, reconnect: bool, code: int) -> tuple[Message, Message]:
        """The disconnect frame and the close, as `send` takes them."""
        text = protocol.disconnect(reason, reconnect=reconnect)
        return self._message(text), {"type": "websocket.close", "code": code}

    # Its state

    @property
    def is_open(self) -> bool:
        """Whether its end is not decided yet."""
        return self.state is OPEN or self.state is CONGESTED

    @property
    def congested(self) -> bool:
        return self.state is CONGESTED

    @property
    def outbox_bytes(self) -> int:
        return self._outbox.bytes if self.state is CONGESTED else 0

    def _follow(self, event: ConnectionEvent) -> None:
        self.state = following(CONNECTION, self.state, event)

    # Writing

    def write(self, frame: str, *, key: Hashable = None, rank: int = 0) -> None:
        """In the order of the calls. key, rank: see Outbox.put."""
        if self.state is OPEN:
            self._transmit(frame)
        elif self.state is CONGESTED:
            try:
                self._outbox.put(frame, key, rank)
            except OutboxFull:
                self.give_up("outbox")

    def write_first(self, frame: str) -> None:
        """
        Overtakes what waits in the outbox. For pings, without which the client would give up the connection.
        """
        if self.state is OPEN:
            self._transmit(frame)
        elif self.state is CONGESTED:
            try:
                self._outbox.put_control(frame)
            except OutboxFull:
                self.give_up("outbox")

    @property
    def writes_together(self) -> bool:
        return self.state is OPEN and self._direct is not None

    def write_together(self, frames: Sequence[str]) -> None:
        """For a socket that writes_together: one system call, if the kernel takes all frames."""
        if self._direct is not None and self._direct(b"".join(map(self._bytes, frames))):
            self.frames_out += len(frames)
            return
        for frame in frames:
            self.write(frame)

    def _transmit(self, text: str) -> None:
        self.frames_out += 1
        if self._direct is None or not self._direct(self._bytes(text)):
            self._give(self._message(text))

    def _give(self, message: Message) -> None:
        try:
            waiting = eager.start(self._send(message))
        except Exception as exc:  # the server reports a lost socket; the exception differs by server
            self.end(f"cannot write: {type(exc).__name__}")
            return
        if waiting is not None:
            self._congest(waiting)

    def _congest(self, waiting: "asyncio.Task[None]") -> None:
        self._follow(ConnectionEvent.SEND_WAITS)
        if self.state is not CONGESTED:  # it ended within `send`
            waiting.cancel()
            return
        self._outbox = Outbox(self._limits.outbox_frames, self._limits.outbox_bytes)
        self._written = asyncio.Event()
        draining = self._drain(waiting, self._outbox, self._written)
        self._writer = asyncio.get_running_loop().create_task(draining)

    async def _drain(self, waiting: Awaitable[None], outbox: Outbox, written: asyncio.Event) -> None:
        """Runs while the socket is congested."""
        try:
            await waiting
            while (frame := outbox.pop()) is not None:
                self.frames_out += 1
                await self._send(self._message(frame))
        except Exception as exc:
            self.end(f"cannot write: {type(exc).__name__}")
        finally:
            self._follow(ConnectionEvent.CAUGHT_UP)
            del self._outbox, self._written
            written.set()

    async def written(self) -> None:
        """Wait while the socket is congested. For replays: they are longer than any outbox."""
        while self.state is CONGESTED:
            await self._written.wait()

    # Ending

    def close(self, reason: str | None, *, reconnect: bool, code: int = NORMAL_CLOSURE) -> None:
        """A `disconnect` frame and the close. After this call nothing else is written, whatever happens."""
        congested = self.congested
        if not self._leave(ConnectionEvent.CLOSE, reason or "closed"):
            return
        frame, close = self._farewell(reason, reconnect, code)
        self._writer = eager.start(self._say_farewell(frame, close, congested))

    async def _say_farewell(self, frame: Message, close: Message, congested: bool) -> None:
        """Never raises: the socket may be gone already."""
        with contextlib.suppress(Exception):
            # Behind a full buffer the frame would wait for ever, so it is not sent.
            if not congested:
                await self._send(frame)
        with contextlib.suppress(Exception):
            await self._send(close)
        self._follow(ConnectionEvent.FAREWELL_SAID)

    def end(self, reason: str) -> None:
        """The socket has ended, for whatever reason. Idempotent; never raises."""
        self._leave(ConnectionEvent.LOST, reason)

    def _leave(self, event: ConnectionEvent, reason: str) -> bool:
        """Returns whether this call ended it."""
        was_open, was_congested = self.is_open, self.congested
        self._follow(event)
        if not was_open:
            return False
        self.closed = reason
        if was_congested:
            self._written.set()
        if self._writer is not None:
            self._writer.cancel()
        self.on_close()
        return True

    def give_up(self, limit: str) -> None:
        """
        Closes the socket of a client that does not keep up. limit: the name of the limit that it exceeded.
        """
        breaches.report(limit, f"closed a socket of user {shown(self.user_id)} that does not read")
        self.close(protocol.TOO_SLOW, reconnect=True, code=TOO_SLOW)

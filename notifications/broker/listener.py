"""
What a process hears of Redis: each message goes from the socket straight to the hub's function.

redis-py opens the connections, because TLS, passwords and Sentinel are its business, and hands them over. Its
own reader spends a deadline, a lock and a queue on each message. A lost connection is not made again here:
what was published meanwhile is lost, so the session ends, and the catch-up reads the tables.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import hiredis
from channels_redis.utils import create_pool
from redis.exceptions import RedisError

# After so long the rest of what was read waits for the next turn of the loop.
TURN_SECONDS = 0.005
_NOTHING = object()

Failed = Callable[[Exception], None]


class Listener(asyncio.Protocol):
    """
    The subscriptions on one Redis server. on_message: called, on the loop, with the data of each message.
    on_failure: called once, when no message will come any more: the connection is lost, or Redis refused.
    """

    def __init__(self, on_message: Callable[[bytes], None], on_failure: Failed) -> None:
        self._on_message = on_message
        self._on_failure = on_failure
        self._parser = hiredis.Reader(notEnoughData=_NOTHING)
        self._loop = asyncio.get_running_loop()
        self._pool: Any = None
        self._connection: Any = None
        self._transport: Any = None
        self._failed = False
        # Of what was read there is more than fits into a turn: no more is read until then.
        self._behind = False

    async def open(self, host: Mapping[str, Any]) -> None:
        """host: as channels_redis decodes it. Raises what redis-py does."""
        # Kept until the end: its writer closes the transport when it is collected.
        # With its pool, to which a connection of Sentinel has a weak reference only.
        self._pool = create_pool(host)
        self._connection = self._pool.make_connection()
        await self._connection.connect()
        self._transport = self._connection._writer.transport
        self._transport.set_protocol(self)

    def subscribe(self, channel: str) -> None:
        """Redis confirms it later; a probe that comes back proves it."""
        self._write("SUBSCRIBE", channel)

    def unsubscribe(self, channel: str) -> None:
        self._write("UNSUBSCRIBE", channel)

    def cut(self) -> None:
        """Break the connection, as the network may at any time."""
        self._transport.abort()

    async def close(self) -> None:
        """Never raises, and waits for nobody."""
        self._failed = True
        if self._transport is not None:
            self._transport.abort()
        if self._connection is not None:
            with contextlib.suppress(OSError, RedisError):  # it has ended, one way or the other
                await self._connection.disconnect(nowait=True)

    def _write(self, *command: str) -> None:
        self._transport.write(b"".join(self._connection.pack_command(*command)))

    # What the transport calls

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        # A transport that was paused may deliver what it has decrypted already.
        if not self._behind:
            self._hear_all()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("Redis closed the connection"))

    def _hear_all(self) -> None:
        """One read may mean thousands of frames: sockets and timers have their turn between them."""
        if not self._hear_for_a_turn():
            self._behind = True
            self._transport.pause_reading()
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self._hear_for_a_turn():
            self._behind = False
            self._transport.resume_reading()
        else:
            self._loop.call_soon(self._go_on)

    def _hear_for_a_turn(self) -> bool:
        """Whether nothing is left."""
        end = self._loop.time() + TURN_SECONDS
        try:
            while (reply := self._parser.gets()) is not _NOTHING:
                self._hear(reply)
                if self._loop.time() > end:
                    return False
        except hiredis.HiredisError as exc:
            self._fail(exc)
            self._transport.abort()
        return True

    def _hear(self, reply: Any) -> None:
        if isinstance(reply, list) and reply[0] == b"message":
            self._on_message(reply[2])
        elif isinstance(reply, Exception):
            self._fail(reply)

    def _fail(self, failure: Exception) -> None:
        if not self._failed:
            self._failed = True
            self._on_failure(failure)

"""
Receives the messages of Redis: each goes from the socket straight to the hub's function.

redis-py opens the connections, with TLS, passwords and Sentinel, and hands them over. redis-py's own reader
costs a deadline, a lock and a queue per message. A lost connection is not reopened here: what was published
meanwhile is lost, so the session ends, and the catch-up reads the tables.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import hiredis
from channels_redis.utils import create_pool
from redis.exceptions import RedisError

# After this time the rest of the received messages waits for the next turn of the loop.
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
        # More was read than fits into a turn of the loop: reading is paused until it is handled.
        self._behind = False

    async def open(self, host: Mapping[str, Any]) -> None:
        """host: as channels_redis decodes it. Raises what redis-py does."""
        # Both are kept until the end. The connection's writer closes the transport when it is
        # garbage-collected, and a Sentinel connection has only a weak reference to its pool.
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
        """Breaks the connection, as a network failure would."""
        self._transport.abort()

    async def close(self) -> None:
        """Never raises, and does not wait."""
        self._failed = True
        if self._transport is not None:
            self._transport.abort()
        if self._connection is not None:
            with contextlib.suppress(OSError, RedisError):  # it has ended, one way or the other
                await self._connection.disconnect(nowait=True)

    def _write(self, *command: str) -> None:
        self._transport.write(b"".join(self._connection.pack_command(*command)))

    # Called by the transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed(data)
        # A transport that was paused may deliver what it has decrypted already.
        if not self._behind:
            self._hear_all()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("Redis closed the connection"))

    def _hear_all(self) -> None:
        """One read may lead to thousands of frames: other sockets and timers have their turn in between."""
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
        """Returns whether nothing is left."""
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

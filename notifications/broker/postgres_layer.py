"""
A channel layer on PostgreSQL's LISTEN and NOTIFY (docs/decisions/0034).

One notification channel carries all groups of an installation, and each process picks the events of its own
groups: a join needs no query, and PostgreSQL has one channel to look up, not one per user.

NOTIFY runs in transactions of our own connections, after the commit that is announced. So the application's
transactions never take NOTIFY's lock, which makes the commits of all its holders wait for each other.
"""

import asyncio
import json
import logging
import secrets
from binascii import crc32
from collections.abc import Callable
from typing import Any

from ..ground.limits import seldom
from ..ground.metrics import metrics
from .events import control_group
from .installation import prefix
from .parts import Assembly, NotOurs, payloads, text_of
from .postgres_link import PostgresAway, PostgresLink

logger = logging.getLogger(__name__)

CHANNEL = "cable"
# All in one transaction. It need not be on disk: after a crash no process would receive it.
NOTIFY = """
SELECT set_config('synchronous_commit', 'off', true), pg_notify($1, part)
FROM json_array_elements_text($2::json) AS part
"""
# PostgreSQL keeps a notification until all listeners have read it: one that vanished is dropped after this
# time.
LISTENER = (
    "SELECT set_config('tcp_user_timeout', '30000', false), set_config('idle_session_timeout', '0', false)"
)
# Membership of the control group, for others to count: a shared advisory lock.
HOLD = "SELECT pg_try_advisory_lock_shared($1::int, $2::int)"
HOLDERS = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND classid = $1::oid AND objid = $2::oid AND objsubid = 2 AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
LOCK_CLASS = "1128350284"  # "CABL"
POOLER_SECONDS = 2.0


class PoolerBetween(Exception):
    """A pooler between this process and PostgreSQL gives the listening connection to other clients."""

    def __init__(self) -> None:
        super().__init__(
            "a pooler in transaction mode stands before PostgreSQL and keeps notifications to itself: "
            "settings.CABLE['BROKER_URL'] has to name the server itself"
        )


def channel_for(prefix: str) -> str:
    """The notification channel. prefix: of an installation or tenant, at most 29 letters, digits, - and _."""
    return f"cable_{prefix}"


class PostgresLayer:
    """
    Created on the loop that uses it. It connects on first use, and never reconnects. It has one channel, with
    the events of the groups that it hears.

    hears: which groups' events to take; by default those that were added.
    """

    def __init__(self, hears: Callable[[str], bool] | None = None) -> None:
        self._groups: set[str] = set()
        self._assembly = Assembly(hears or self._groups.__contains__)
        self._inbox: asyncio.Queue[dict[str, Any] | PostgresAway] = asyncio.Queue()
        self._link = PostgresLink(self._take, self._inbox.put_nowait)
        self._opening = asyncio.Lock()
        self._is_open = False

    async def new_channel(self) -> str:
        """Returns when it listens. Raises PostgresAway, PoolerBetween, and psycopg.Error for a refusal."""
        await self._open()
        await self._link.execute(f'LISTEN "{channel_for(prefix())}"')
        await self._link.execute(LISTENER)
        await self._require_hearing()
        return CHANNEL

    async def receive(self, channel: str) -> dict[str, Any]:
        """Raises PostgresAway when the connection is lost."""
        found = await self._inbox.get()
        if isinstance(found, PostgresAway):
            raise found
        return found

    async def hear(self, channel: str, on_event: Callable[[dict[str, Any]], None]) -> None:
        """Calls on_event with each event, until receive() raises."""
        while True:
            on_event(await self.receive(channel))

    async def group_add(self, group: str, channel: str) -> None:
        self._groups.add(group)
        if group == control_group():
            await self._link.execute(HOLD, LOCK_CLASS, _number_of(group))

    async def group_discard(self, group: str, channel: str) -> None:
        self._groups.discard(group)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        """Raises PostgresAway, and psycopg.Error for what PostgreSQL refuses."""
        await self._open()
        await _notify(self._link, group, message)

    async def listeners(self, group: str) -> int | None:
        """How many layers are in the control group. One that has vanished may be counted too."""
        await self._open()
        [(count,)] = await self._link.execute(HOLDERS, LOCK_CLASS, _number_of(group))
        return int(count)

    def cut(self) -> None:
        self._link.cut()

    async def close(self) -> None:
        self._link.close()

    async def _open(self) -> None:
        async with self._opening:
            if not self._is_open:
                await self._link.open()
                self._is_open = True

    def _take(self, sender: int, payload: str) -> None:
        try:
            found = self._assembly.add(sender, payload)
        except NotOurs as exc:
            metrics.count("bad_events")
            if (also := seldom.left_out("not_ours")) is not None:
                logger.warning("%s%s", exc, also)
            return
        if found is not None:
            self._inbox.put_nowait(found[1])

    async def _require_hearing(self) -> None:
        """
        A pooler reports process ids of its own. Behind one we must prove that we receive the messages of
        others: our own may come back only because they were sent on the server connection that listens.
        """
        [(pid,)] = await self._link.execute("SELECT pg_backend_pid()")
        if int(pid) != self._link.backend_pid:
            await self._hear_another_connection()

    async def _hear_another_connection(self) -> None:
        group = f"{prefix()}.cable.pooler.{secrets.token_hex(8)}"
        other = PostgresLink(lambda pid, payload: None, lambda failure: None)
        self._groups.add(group)
        try:
            async with asyncio.timeout(POOLER_SECONDS):
                await other.open()
                await _notify(other, group, {})
                await self._inbox.get()
        except TimeoutError:
            raise PoolerBetween from None
        finally:
            self._groups.discard(group)
            other.close()


async def _notify(link: PostgresLink, group: str, event: dict[str, Any]) -> None:
    # From the group and not from prefix(): one sender sends for all tenants.
    channel = channel_for(group.partition(".")[0])
    await link.execute(NOTIFY, channel, json.dumps(list(payloads(group, text_of(event)))))


def _number_of(group: str) -> str:
    """The key of an advisory lock: 31 bits. Another group with the same number is counted too."""
    return str(crc32(group.encode()) & 0x7FFF_FFFF)

"""
Listens to the triggers of `manage.py cable_triggers`. A notification says only that there was a write,
perhaps without a signal; the catch-up reads what it was. docs/decisions/0035 has the reasons.
"""

import asyncio
import contextlib
import logging
import random
from collections.abc import Callable
from typing import NoReturn

import psycopg
from django.core.exceptions import ImproperlyConfigured

from ..broker.postgres_link import PostgresAway, PostgresLink
from ..ground.limits import seldom
from ..ground.metrics import metrics

logger = logging.getLogger(__name__)

# PostgreSQL's notification channel. Not per installation: a trigger belongs to a table, whichever
# installations read it.
CHANNEL = "sync_cable_wake"
# A pass begins no more often than this, however much is written.
WAKE_AGAIN_SECONDS = 0.2
# A connection without a notification for SILENCE_SECONDS is checked, and must answer within ANSWER_SECONDS.
SILENCE_SECONDS = 10.0
ANSWER_SECONDS = 5.0
CONNECT_AGAIN_SECONDS = (0.5, 1.0, 2.0, 5.0)


class Wakes:
    """owe: makes the catch-up run soon."""

    def __init__(self, owe: Callable[[], None]) -> None:
        self._owe = owe
        self._failures = 0

    async def run(self) -> None:
        """Runs for ever. While it does not listen, the reconcile finds what was written."""
        while True:
            try:
                await self._listen()
            except (PostgresAway, psycopg.Error, ImproperlyConfigured, TimeoutError) as exc:
                metrics.count("wake_losses")
                if (also := seldom.left_out("wakes")) is not None:
                    logger.warning("cannot listen for writes: %s: %s%s", type(exc).__name__, exc, also)
            pause = CONNECT_AGAIN_SECONDS[min(self._failures, len(CONNECT_AGAIN_SECONDS) - 1)]
            self._failures += 1
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 spreads, hides nothing

    async def _listen(self) -> NoReturn:
        woken, lost = asyncio.Event(), []

        def lose(failure: PostgresAway) -> None:
            lost.append(failure)
            woken.set()

        link = PostgresLink(lambda sender, payload: woken.set(), lose)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await link.open()
                await link.execute(f"LISTEN {CHANNEL}")
            self._failures = 0
            # For what was written before we listened.
            woken.set()
            while True:
                await _until_woken(woken, link)
                if lost:
                    raise lost[0]
                metrics.count("wakes")
                self._owe()
                await asyncio.sleep(WAKE_AGAIN_SECONDS)
        finally:
            link.close()


async def _until_woken(woken: asyncio.Event, link: PostgresLink) -> None:
    """Raises TimeoutError when the connection does not answer."""
    while not woken.is_set():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SILENCE_SECONDS):
                await woken.wait()
                break
        async with asyncio.timeout(ANSWER_SECONDS):
            await link.execute("SELECT 1")
    woken.clear()

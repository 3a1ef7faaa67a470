"""
The epoch of positions, as this process knows it. It is stored in the tables (models.Epoch) and renewed after
a restore; positions of the previous epoch are then invalid.
"""

import asyncio
import logging
from collections.abc import Callable

from ..conf import cable_settings
from ..ground.database import DatabaseThreads
from ..handshake.admission import AuthenticationUnavailable
from ..models import Epoch

logger = logging.getLogger(__name__)


class KnownEpoch:
    """value: "" until it was read. on_change: called with the new value, whenever it changes."""

    def __init__(self, readers: DatabaseThreads, on_change: Callable[[str], None]) -> None:
        self.value = ""
        self._readers = readers
        self._on_change = on_change
        self._reading: asyncio.Task[None] | None = None

    async def read(self) -> None:
        """Reads it from the tables. Raises what the database does, and DatabaseUnavailable."""
        seconds = cable_settings().authentication_timeout
        self.adopt(await self._readers.run(Epoch.current, seconds=seconds))

    async def ensure(self) -> None:
        """
        Read it if it is not known yet. All handshakes that wait for it, a whole storm perhaps, share one
        query. Raises AuthenticationUnavailable.
        """
        if self.value:
            return
        try:
            async with asyncio.timeout(cable_settings().authentication_timeout):
                await asyncio.shield(self._first_reading())
        except Exception as exc:
            raise AuthenticationUnavailable(type(exc).__name__) from exc

    def _first_reading(self) -> "asyncio.Task[None]":
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self.read())
            # Retrieved here: the handshakes that wait report the failure, but may have given up by then.
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._reading

    def adopt(self, epoch: str) -> None:
        """Takes over an epoch that was just read."""
        if epoch == self.value:
            return
        logger.info("positions are numbered by epoch %s", epoch)
        self.value = epoch
        self._on_change(epoch)

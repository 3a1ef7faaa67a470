"""
Reports what is written to the connections of one user (operations/received.py, `cable_tail`).

The asker polls, and each answer has what was written since the answer before: so the asker sets the pace, and
what is written while the broker is down is reported when it is back. An asker that stops polling is forgotten
after a time. The lines between two polls are bounded; further lines are only counted.

As long as nobody asks, a frame costs one look at an attribute that is None.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from ..wire.payloads import Change, Key, shown
from .connection import Connection
from .registry import Registry

logger = logging.getLogger(__name__)

# An asker that has not polled for this long, while the broker was up, is gone.
LEASE_SECONDS = 10.0
LOOK_SECONDS = 2.0
# Lines that wait for the next poll. An answer of so many has 50 kB.
KEPT = 500
# Askers that one process answers at a time.
ASKERS = 8

# When (seconds since the epoch), the number of the connection, action, resource, id, the way (connection.py),
# and whether it waits for a client that does not read fast enough.
Line = tuple[float, int, str, str, Key, str, bool]


class _Tail:
    """lines: the first ones since the last answer. written: how many there were in all."""

    def __init__(self, user_id: Key) -> None:
        self.user_id = user_id
        self.lines: list[Line] = []
        self.written = 0
        self.until = 0.0
        self.timer: asyncio.TimerHandle | None = None

    def add(self, line: Line) -> None:
        self.written += 1
        if len(self.lines) < KEPT:
            self.lines.append(line)


class Tails:
    """in_touch: whether the broker is up. While it is down nobody can ask, so no asker is forgotten."""

    def __init__(self, registry: Registry, in_touch: Callable[[], bool]) -> None:
        self._registry = registry
        self._in_touch = in_touch
        # By the group to which the answers are sent.
        self._tails: dict[str, _Tail] = {}

    def __len__(self) -> int:
        return len(self._tails)

    def ask(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """
        event: an events.tail_event. Returns the answer, or None if there is nothing to report:

        began: whether it was asked for the first time. lines: see Line. written: how many lines there were so
        far, with those that are left out. Or refused: True.
        """
        group = event["answer_to"]
        if event["ends"]:
            self._end(group, "its asker has ended")
            return None
        tail = self._tails.get(group)
        if began := tail is None:
            if len(self._tails) >= ASKERS:
                return {"refused": True}
            tail = self._begin(group, event["user_id"])
        tail.until = asyncio.get_running_loop().time() + LEASE_SECONDS
        if not (began or tail.lines):
            return None
        lines, tail.lines = tail.lines, []
        return {"began": began, "lines": lines, "written": tail.written}

    def opened(self, connection: Connection) -> None:
        if self._tails and self._is_asked_for(connection.user_id):
            connection.on_told = self._note

    def stop(self) -> None:
        for group in tuple(self._tails):
            self._end(group, "the process stops")

    def _begin(self, group: str, user_id: Key) -> _Tail:
        tail = self._tails[group] = _Tail(user_id)
        self._look_later(group, tail)
        for connection in self._registry.of_user(user_id):
            connection.on_told = self._note
        logger.info("somebody asks for what is written to user %s", shown(user_id))
        return tail

    def _look_later(self, group: str, tail: _Tail) -> None:
        tail.timer = asyncio.get_running_loop().call_later(LOOK_SECONDS, self._look, group, tail)

    def _look(self, group: str, tail: _Tail) -> None:
        now = asyncio.get_running_loop().time()
        if not self._in_touch():
            tail.until = now + LEASE_SECONDS
        if now < tail.until:
            self._look_later(group, tail)
        else:
            self._end(group, "its asker is gone")

    def _end(self, group: str, why: str) -> None:
        tail = self._tails.pop(group, None)
        if tail is None:
            return
        if tail.timer is not None:
            tail.timer.cancel()
        if not self._is_asked_for(tail.user_id):
            for connection in self._registry.of_user(tail.user_id):
                connection.on_told = None
        logger.info("nobody asks any more for what is written to user %s: %s", shown(tail.user_id), why)

    def _is_asked_for(self, user_id: Key) -> bool:
        return any(tail.user_id == user_id for tail in self._tails.values())

    def _note(self, connection: Connection, change: Change, way: str) -> None:
        """Notes a change that was written. Not on a connection that had ended, or ended because of it."""
        if not connection.is_open:
            return
        name = (connection.number, change.action, change.resource, change.pk)
        line = (time.time(), *name, way, connection.congested)
        for tail in self._tails.values():
            if tail.user_id == connection.user_id:
                tail.add(line)

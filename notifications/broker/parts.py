"""
An event as PostgreSQL notifications, whose payload is a text of less than 8,000 bytes. Pure.

    <part>/<parts> <group> <text>           1/1 a1b2.user.5 {"type": "cable.changes", …}

All parts of an event are sent in one transaction, so that they arrive one after the other, whatever other
sessions send at the time. The text is JSON in ASCII: as many bytes as characters, in every encoding that a
database may have.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

# Below 8,000 with its header: two numbers and a group of at most 100 characters.
PART_BYTES = 7_800
# 4 MB. The largest event of ours, one change for 5,000 users, has a tenth of it.
MOST_PARTS = 512

_HEAD = re.compile(r"(\d{1,3})/(\d{1,3}) ([^ ]{1,100}) ")


class NotOurs(Exception):
    """The notification is not the cable's: everyone who can connect to a database can send notifications."""


def text_of(event: dict[str, Any]) -> str:
    """
    Raises TypeError or ValueError for what JSON cannot represent (ValueError for NaN as well), and ValueError
    for more text than MOST_PARTS parts hold.
    """
    text = json.dumps(event, separators=(",", ":"), allow_nan=False)
    if len(text) > PART_BYTES * MOST_PARTS:
        raise ValueError(f"an event of {len(text)} bytes: expected at most {PART_BYTES * MOST_PARTS}")
    return text


def payloads(group: str, text: str) -> Iterator[str]:
    """The payloads, in the order in which they must be sent. text: from text_of."""
    count = max(1, -(-len(text) // PART_BYTES))
    for number in range(count):
        yield f"{number + 1}/{count} {group} {text[number * PART_BYTES : (number + 1) * PART_BYTES]}"


class _Begun(NamedTuple):
    parts: int
    texts: list[str]


class Assembly:
    """
    Joins the parts of events. hears: whether the events of a group are wanted; others are neither stored nor
    parsed.
    """

    def __init__(self, hears: Callable[[str], bool]) -> None:
        self._hears = hears
        # By sender. If a sender ends in the middle of an event, the event stays here until its process id is
        # reused.
        self._begun: dict[int, _Begun] = {}

    def add(self, sender: int, payload: str) -> tuple[str, dict[str, Any]] | None:
        """
        The group and the event that the payload completes, if it does. sender: the process id of the backend.
        Raises NotOurs.
        """
        head = _HEAD.match(payload)
        if head is None:
            raise NotOurs(f"a notification that is none of the cable: {payload[:40]!r}")
        number, count, group = int(head[1]), int(head[2]), head[3]
        if not self._hears(group):
            return None
        text = self._joined(sender, number, count, payload[head.end() :])
        return None if text is None else (group, _event_of(text))

    def _joined(self, sender: int, number: int, count: int, text: str) -> str | None:
        if count == 1:
            return text
        if number == 1:
            self._begun[sender] = _Begun(count, [])
        begun = self._begun.get(sender)
        if begun is None or begun.parts != count or len(begun.texts) != number - 1:
            # Its first parts were sent before we listened, so the event is dropped.
            self._begun.pop(sender, None)
            return None
        begun.texts.append(text)
        return "".join(self._begun.pop(sender).texts) if number == count else None


def _event_of(text: str) -> dict[str, Any]:
    try:
        event = json.loads(text)
    except ValueError as exc:
        raise NotOurs(f"a notification that is no JSON: {text[:40]!r}") from exc
    if not isinstance(event, dict):
        raise NotOurs(f"a notification that is no event: {text[:40]!r}")
    return event

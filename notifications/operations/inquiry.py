"""
Asks every process for its state, or for what it did. The question goes over the control group, which all
processes are in; each answers to a group of the asker's own. Only Redis can tell how many processes there
are, and not every Redis does: the asker waits for a time.
"""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from asgiref.sync import async_to_sync

from ..broker.events import ANSWER, PROBE, answers_group, ask_event, control_group, probe_event
from ..broker.installation import prefix
from ..broker.layers import Layer, broker_name, is_local, open_layer
from ..broker.refusals import describe
from ..hub.current import running_hub
from ..wire.payloads import Key, key_of

# The answer of one process: see state.snapshot.
Answer = dict[str, Any]
# Makes an event, given the group that the answers go to.
Maker = Callable[[str], dict[str, Any]]

# To connect, and to send a portion of events.
CONNECT_SECONDS = 2.0
PORTION = 500
ANSWER_SECONDS = 1.0
# For a page: this long after one answer, it does not wait for another.
QUIET_SECONDS = 0.2
PROBE_AGAIN_SECONDS = 0.05


class BrokerAway(Exception):
    """No process could be asked; the message has the reason, in a sentence."""


def nobody_answered(seconds: float) -> str:
    """A sentence without a full stop."""
    return (
        f"no process answered within {seconds:g} s: does one run on this {broker_name()}, "
        f"with this SECRET_KEY and database (prefix {prefix()})?"
    )


class _Inbox:
    """A group with one channel."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self.group = answers_group(secrets.token_hex(8))
        self._channel = ""
        self._receiving: asyncio.Task[dict[str, Any]] | None = None

    async def open(self) -> None:
        """Joins, and proves it: the layer returns before Redis knows of the subscription."""
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(self.group, self._channel)
        event = None
        while event is None or event["type"] != PROBE:
            await self._layer.group_send(self.group, probe_event(self.group))
            event = await self.next(PROBE_AGAIN_SECONDS)

    async def next(self, seconds: float) -> dict[str, Any] | None:
        """
        None if nothing came in time. The task goes on then: a layer closes a channel whose receive is
        cancelled.
        """
        if self._receiving is None:
            self._receiving = asyncio.get_running_loop().create_task(self._layer.receive(self._channel))
        done, _ = await asyncio.wait({self._receiving}, timeout=seconds)
        if not done:
            return None
        received, self._receiving = self._receiving, None
        return received.result()

    async def close(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._receiving


async def ask_processes(
    users: Sequence[Key] | None = None, *, seconds: float = ANSWER_SECONDS, quiet: float | None = None
) -> list[Answer]:
    """
    users: whose sockets to count; None for the users with the most.
    seconds: how long to wait for answers. quiet: how long to wait for another, after the first.
    Raises BrokerAway.
    """
    if is_local():
        hub = running_hub()
        return [] if hub is None else [hub.snapshot(users)]
    exchanged = await exchange([lambda group: ask_event(group, users)], seconds=seconds, quiet=quiet)
    return sorted(exchanged.answers, key=lambda answer: str(answer["process"]))


@dataclass(frozen=True, slots=True)
class Exchanged:
    """
    answers: of the processes. listening: how many there are; None if that cannot be known.
    sent: how many events were sent. failure: why the others were not, in a sentence; "" if all were.
    """

    answers: list[Answer]
    listening: int | None
    sent: int
    failure: str = ""


async def exchange(makers: Sequence[Maker], *, seconds: float, quiet: float | None = None) -> Exchanged:
    """
    Send events to every process, and collect what they answer.

    seconds, quiet: see ask_processes; as many seconds for each portion of events. Ends early when all
    processes that Redis knows of have answered.
    Raises BrokerAway if nothing could be sent.
    """
    layer = open_layer()
    inbox = _Inbox(layer)
    try:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await inbox.open()
                listening = await layer.listeners(control_group())
        except Exception as exc:
            raise BrokerAway(describe(exc)) from exc
        sent, failure = await _send(layer, inbox.group, makers)
        # It is not known whether the event that failed was sent nevertheless.
        expected = None if failure or listening is None else listening * sent
        answers: list[Answer] = []
        try:
            await _collect(inbox, answers, seconds, ceil(sent / PORTION), quiet or seconds, expected)
        except Exception:
            if not failure:
                raise
        return Exchanged(answers, listening, sent, failure)
    finally:
        await inbox.close()
        await layer.close()


async def _send(layer: Layer, group: str, makers: Sequence[Maker]) -> tuple[int, str]:
    """Returns how many were sent, and why the next one was not. Raises BrokerAway if that was the first."""
    sent = 0
    try:
        for start in range(0, len(makers), PORTION):
            async with asyncio.timeout(CONNECT_SECONDS):
                for make in makers[start : start + PORTION]:
                    await layer.group_send(control_group(), make(group))
                    sent += 1
    except Exception as exc:
        if not sent:
            raise BrokerAway(describe(exc)) from exc
        return sent, describe(exc)
    return sent, ""


def sockets_of(users: Sequence[Any]) -> dict[Key, int]:
    """By key_of a primary key: the sockets of that user on all processes. Raises BrokerAway."""
    keys = [key_of(user) for user in users]
    answers = async_to_sync(ask_processes)(keys, quiet=QUIET_SECONDS)
    return dict(totals(answers)["by_user"])


async def _collect(
    inbox: _Inbox, answers: list[Answer], seconds: float, portions: int, quiet: float, expected: int | None
) -> None:
    """Appends to answers, which also keeps those that came before a failure."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds * portions
    while len(answers) != expected and (left := deadline - loop.time()) > 0:
        event = await inbox.next(min(left, quiet if answers else seconds))
        if event is None:
            break
        if event["type"] == ANSWER:
            answers.append(event["state"])


SUMMED = (
    "connections",
    "extended",
    "events",
    "subscriptions",
    "congested",
    "outbox_bytes",
    "publish_queue",
    "deliveries",
)


def totals(answers: Iterable[Answer]) -> Answer:
    """Over all processes; a user with sockets on two of them has one entry in by_user."""
    answers = list(answers)
    counts: Counter[str] = Counter()
    by_user: Counter[Key] = Counter()
    for answer in answers:
        counts.update(answer["counts"])
        by_user.update(dict(answer["by_user"]))
    summed = {name: sum(answer[name] for answer in answers) for name in SUMMED}
    return {**summed, "counts": dict(counts), "by_user": [list(pair) for pair in by_user.most_common()]}

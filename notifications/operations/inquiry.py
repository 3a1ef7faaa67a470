"""
What every process holds, or did. Asked over the control group, which all of them are in; each answers to a
group of the asker's own. How many there are only Redis can say, and not every one does: the asker waits for a
time.
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

# Of one process: see state.snapshot.
Answer = dict[str, Any]
# Makes an event of the group that is to be answered to.
Maker = Callable[[str], dict[str, Any]]

# To connect, and to send a portion of events.
CONNECT_SECONDS = 2.0
PORTION = 500
ANSWER_SECONDS = 1.0
# For a page: whoever has not answered so long after another did is not waited for.
QUIET_SECONDS = 0.2
PROBE_AGAIN_SECONDS = 0.05


class BrokerAway(Exception):
    """Nobody could be asked; in a sentence, why."""


def nobody_answered(seconds: float) -> str:
    """A sentence without an end."""
    return (
        f"no process answered within {seconds:g} s: does one run on this {broker_name()}, "
        f"with this SECRET_KEY and database (prefix {prefix()})?"
    )


class _Inbox:
    """A group of one channel."""

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        self.group = answers_group(secrets.token_hex(8))
        self._channel = ""
        self._receiving: asyncio.Task[dict[str, Any]] | None = None

    async def open(self) -> None:
        """Join, and prove it: the layer returns before Redis has heard of the subscription."""
        self._channel = await self._layer.new_channel()
        await self._layer.group_add(self.group, self._channel)
        event = None
        while event is None or event["type"] != PROBE:
            await self._layer.group_send(self.group, probe_event(self.group))
            event = await self.next(PROBE_AGAIN_SECONDS)

    async def next(self, seconds: float) -> dict[str, Any] | None:
        """None if nothing came in time. A layer closes a channel whose receive is cancelled: it goes on."""
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
    users: whose sockets to count; None for those with the most.
    seconds: how long to wait for answers. quiet: so long without another is enough, after the first.
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
    sent: how many events were sent. failure: what kept the others from it, in a sentence; "" if all were.
    """

    answers: list[Answer]
    listening: int | None
    sent: int
    failure: str = ""


async def exchange(makers: Sequence[Maker], *, seconds: float, quiet: float | None = None) -> Exchanged:
    """
    Send events to every process, and collect what they answer.

    seconds, quiet: see ask_processes; as many seconds for each portion of events. When all have answered
    that Redis knows of, nobody is waited for.
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
        # Whether what failed was sent nevertheless is not known.
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
    """Returns how many were sent, and what kept the next from it. Raises BrokerAway if it was the first."""
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
    """Into answers, which holds those that came before a failure too."""
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
    """Over all processes; a user with sockets on two of them is counted once in by_user only."""
    answers = list(answers)
    counts: Counter[str] = Counter()
    by_user: Counter[Key] = Counter()
    for answer in answers:
        counts.update(answer["counts"])
        by_user.update(dict(answer["by_user"]))
    summed = {name: sum(answer[name] for answer in answers) for name in SUMMED}
    return {**summed, "counts": dict(counts), "by_user": [list(pair) for pair in by_user.most_common()]}

"""
What is written to the connections of one user, on every process, for `cable_tail --received`: what is
published, what is replayed to a client that resumes, and what a pass over the tables finds.

The processes are asked over the control group, twice a second, and answer to a group of the asker's own
(hub/tails.py). Before each question the asker proves that it receives that group, because an answer is sent
only once.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..broker.events import ANSWER, PROBE, answers_group, control_group, probe_event, tail_event
from ..broker.layers import broker_name, is_local, open_layer
from ..broker.refusals import describe
from ..wire.payloads import Key
from .inquiry import CONNECT_SECONDS, PROBE_AGAIN_SECONDS, BrokerAway, nobody_answered
from .overhear import CannotOverhear

ASK_AGAIN_SECONDS = 0.5
FIRST_ANSWER_SECONDS = 5.0
CONNECT_AGAIN_SECONDS = 1.0

Event = dict[str, Any]
# The answer of one process: see Tails.ask.
Answer = dict[str, Any]


class Line(NamedTuple):
    """
    at: seconds since the epoch. connection: as state.socket_name. way: see hub/connection.py. waits: in the
    memory of the process, for a client that does not read fast enough.
    """

    at: float
    process: str
    connection: str
    action: str
    resource: str
    id: Key
    way: str
    waits: bool


class LeftOut(NamedTuple):
    """So many lines of a process are missing between the lines before and after."""

    process: str
    lines: int


class Said(NamedTuple):
    """A sentence about the connection itself."""

    text: str


@dataclass
class _Progress:
    """The progress of one hub. written: lines that it had written when it answered last."""

    written: int = 0
    refused: bool = False


class Received:
    """
    async with Received(user_id) as received:
        async for each in received: …     # a Line, LeftOut or Said

    If the broker fails later, it continues when the broker is back. Raises CannotOverhear; and BrokerAway at
    the start, also if no process answers.
    """

    def __init__(self, user_id: Key) -> None:
        if is_local():
            raise CannotOverhear("only other processes can be asked: the in-memory layer is private")
        self._user_id = user_id
        self._group = answers_group(secrets.token_hex(8))
        self._hubs: dict[str, _Progress] = {}

    async def __aenter__(self) -> "Received":
        self._hearing = await _begun(self._group)
        return self

    async def __aexit__(self, *exc: object) -> None:
        # If this fails, the lease ends by itself.
        with contextlib.suppress(Exception):
            await self._hearing.send(control_group(), self._question(ends=True))
        await self._hearing.close()

    async def __aiter__(self) -> AsyncIterator[Line | LeftOut | Said]:
        while True:
            try:
                async for answer in self._answers():
                    for each in self._told(answer):
                        yield each
            except BrokerAway:
                raise
            except Exception as exc:
                yield Said(f"{describe(exc)}; trying again")
            await self._begin_again()
            yield Said(f"{broker_name()} is back")

    async def _answers(self) -> AsyncIterator[Answer]:
        """
        Runs for ever. Raises BrokerAway if no process answers at first, and what the broker's driver raises.
        """
        clock = asyncio.get_running_loop().time
        began = clock()
        while True:
            await self._hearing.prove()
            await self._hearing.send(control_group(), self._question())
            async for event in self._hearing.until(ASK_AGAIN_SECONDS):
                if event["type"] == ANSWER:
                    yield event["state"]
            if not self._hubs and clock() - began > FIRST_ANSWER_SECONDS:
                raise BrokerAway(nobody_answered(FIRST_ANSWER_SECONDS))

    def _question(self, *, ends: bool = False) -> dict[str, Any]:
        return tail_event(self._group, self._user_id, ends=ends)

    def _told(self, answer: Answer) -> Iterator[Line | LeftOut | Said]:
        process = answer["process"]
        known = self._hubs.setdefault(answer["hub"], _Progress())
        if "refused" in answer:
            if not known.refused:
                yield Said(f"{process} does not answer: too many others ask it")
            known.refused = True
            return
        known.refused = False
        if answer["began"]:
            known.written = 0
            yield Said(f"listening to {process}")
        elif answer["written"] <= known.written:
            # Sent again by a publisher that had no answer from the broker.
            return
        for at, number, *what in answer["lines"]:
            yield Line(at, process, f"{process}/{number}", *what)
        if left_out := answer["written"] - known.written - len(answer["lines"]):
            yield LeftOut(process, left_out)
        known.written = answer["written"]

    async def _begin_again(self) -> None:
        while True:
            await self._hearing.close()
            await asyncio.sleep(CONNECT_AGAIN_SECONDS)
            with contextlib.suppress(BrokerAway):
                self._hearing = await _begun(self._group)
                return


class _Hearing:
    """Receives what is sent to one group, as a hub does: a lost connection is a failure at once."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._layer = open_layer(for_hub=True)
        self._events: asyncio.Queue[Event | Exception] = asyncio.Queue()
        # Events that came during prove().
        self._early: list[Event] = []
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        channel = await self._layer.new_channel()
        self._task = asyncio.get_running_loop().create_task(self._hear(channel))
        await self._layer.group_add(self._group, channel)

    async def _hear(self, channel: str) -> None:
        try:
            await self._layer.hear(channel, self._events.put_nowait)
        except Exception as exc:
            self._events.put_nowait(exc)

    async def send(self, group: str, event: Event) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._layer.group_send(group, event)

    async def prove(self) -> None:
        """
        Returns when what is sent to the group is received. Probes repeatedly, because the layer may return
        from the join before the server has made it.
        """
        nonce = secrets.token_hex(8)
        async with asyncio.timeout(CONNECT_SECONDS):
            while True:
                await self.send(self._group, probe_event(nonce))
                event = await self._next(PROBE_AGAIN_SECONDS)
                if event is not None and event["type"] != PROBE:
                    self._early.append(event)
                elif event is not None and event["nonce"] == nonce:
                    return

    async def until(self, seconds: float) -> AsyncIterator[Event]:
        """The events of the next `seconds`, and those that came before."""
        clock = asyncio.get_running_loop().time
        end = clock() + seconds
        early, self._early = self._early, []
        for event in early:
            yield event
        while (left := end - clock()) > 0 and (found := await self._next(left)) is not None:
            yield found

    async def _next(self, seconds: float) -> Event | None:
        try:
            async with asyncio.timeout(seconds):
                event = await self._events.get()
        except TimeoutError:
            return None
        if isinstance(event, Exception):
            raise event
        return event

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        await self._layer.close()


async def _begun(group: str) -> _Hearing:
    """Raises BrokerAway."""
    hearing = _Hearing(group)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            await hearing.begin()
            await hearing.prove()
    except BaseException as exc:
        await hearing.close()
        if isinstance(exc, Exception):
            raise BrokerAway(describe(exc)) from exc
        raise
    return hearing

"""
Orders to every process of this installation, and their acknowledgements.

An order is in no table: if it does not reach a process now, no reconcile makes up for it. So an order can be
acknowledged. The hubs of this process get it directly, without Redis.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..broker.events import disconnect_one_event, epoch_event
from ..broker.layers import is_local
from ..broker.outgoing import checked_disconnect
from ..hub.current import hubs_of_process
from ..hub.hub import Hub
from ..wire import protocol
from .inquiry import BrokerAway, Maker, exchange, nobody_answered

ORDER_SECONDS = 2.0

# The acknowledgement of one hub: see Hub.receipt.
Receipt = dict[str, Any]

_IN_MEMORY = "the in-memory layer reaches no other process: only the server itself, by its admin, can do it"


@dataclass(frozen=True, slots=True)
class OrderReport:
    """
    closed: how many sockets each process that carried the order out has closed, by its name ("host:pid").
    listening: how many processes Redis knows of; None if that cannot be known.
    problem: why some process was not reached, as a sentence; "" if all known processes carried it out.
    """

    closed: Mapping[str, int] = field(default_factory=dict)
    listening: int | None = None
    problem: str = ""

    @property
    def carried_out(self) -> bool:
        """By every known process, and by one at least."""
        return not self.problem

    @property
    def sockets(self) -> int:
        return sum(self.closed.values())

    @property
    def summary(self) -> str:
        """What was done: "closed 3 sockets on 2 processes"."""
        return f"closed {_counted(self.sockets, 'socket')} on {_counted(len(self.closed), 'process')}"

    def as_json(self) -> dict[str, Any]:
        return {
            "carried_out": self.carried_out,
            "sockets": self.sockets,
            "processes": [{"process": name, "closed": count} for name, count in sorted(self.closed.items())],
            "listening": self.listening,
            "problem": self.problem or None,
        }


async def disconnect_users(
    user_ids: Iterable[Any],
    *,
    keys: Iterable[object] | None = None,
    reason: str = protocol.REMOTE,
    reconnect: bool = False,
    seconds: float = ORDER_SECONDS,
) -> OrderReport:
    """
    As sync_cable.disconnect, for several users, and acknowledged.

    seconds: how long to wait for the processes. If the order did not reach one, the report has the reason.
    Raises TypeError for what names no user, or for keys that are one text.
    """
    keys = keys if keys is None or isinstance(keys, str | bytes) else list(keys)
    return await _disconnect(
        [checked_disconnect(user, keys, reason, reconnect) for user in user_ids], seconds
    )


async def disconnect_socket(name: str, *, seconds: float = ORDER_SECONDS) -> OrderReport:
    """One socket by its name, see state.socket_name. Its client may reconnect. As disconnect_users."""
    return await _disconnect([disconnect_one_event(name, protocol.REMOTE)], seconds)


async def _disconnect(found: list[dict[str, Any]], seconds: float) -> OrderReport:
    own = await asyncio.gather(*(_told_directly(event, seconds) for event in found))
    return await _given(found, [receipt for receipts in own for receipt in receipts], seconds)


async def announce_epoch(*, seconds: float = ORDER_SECONDS) -> OrderReport:
    """
    Makes every process read the epoch now. A process that is not reached does so with its next reconcile.
    """
    return await _given([epoch_event()], [], seconds)


def tell_own_hubs(event: dict[str, Any]) -> None:
    """Gives them a disconnect_event, without waiting and without Redis."""
    for loop, hub in hubs_of_process():
        with contextlib.suppress(RuntimeError):  # the loop was closed at this moment, and its sockets with it
            loop.call_soon_threadsafe(hub.disconnect, event)


async def _told_directly(event: dict[str, Any], seconds: float) -> list[Receipt]:
    """The acknowledgements of the hubs of this process, which may run on other threads."""
    running = asyncio.get_running_loop()
    receipts: list[Receipt] = []
    for loop, hub in hubs_of_process():
        if loop is running:
            receipts.append(hub.receipt(event, hub.disconnect(event)))
            continue
        told = asyncio.run_coroutine_threadsafe(_disconnect_on_its_loop(hub, event), loop)
        try:
            receipts.append(await asyncio.wait_for(asyncio.wrap_future(told), seconds))
        except TimeoutError:
            continue  # it does not answer through Redis either, and is reported as such
    return receipts


async def _disconnect_on_its_loop(hub: Hub, event: dict[str, Any]) -> Receipt:
    return hub.receipt(event, hub.disconnect(event))


async def _given(orders: list[dict[str, Any]], own: list[Receipt], seconds: float) -> OrderReport:
    """own: what the hubs of this process have done already."""
    if not orders:
        return OrderReport()
    if is_local():
        return OrderReport(_closed(own), None, "" if own else _IN_MEMORY)
    try:
        exchanged = await exchange([_maker(order) for order in orders], seconds=seconds)
    except BrokerAway as exc:
        others = "processes besides this one were" if own else "the processes were"
        return OrderReport(_closed(own), None, f"{exc}: {others} not told")
    receipts, listening = [*own, *exchanged.answers], exchanged.listening
    if exchanged.failure:
        problem = f"{exchanged.failure}: of {len(orders)} orders only {exchanged.sent} were sent"
    else:
        problem = _problem(receipts, listening, len(orders), seconds)
    return OrderReport(_closed(receipts), listening, problem)


def _maker(order: dict[str, Any]) -> Maker:
    return lambda group: {**order, "answer_to": group}


def _closed(receipts: Iterable[Receipt]) -> dict[str, int]:
    """A hub that got an order by two ways has two receipts of it."""
    distinct = {(each["process"], each["hub"], each["order"]): each["closed"] for each in receipts}
    closed: Counter[str] = Counter()
    for (process, _, _), count in distinct.items():
        closed[process] += count
    return dict(closed)


def _problem(receipts: list[Receipt], listening: int | None, orders: int, seconds: float) -> str:
    if not receipts:
        return nobody_answered(seconds)
    answered = Counter(hub for hub, _ in {(each["hub"], each["order"]) for each in receipts})
    known = max(len(answered), listening or 0)
    missing = known - sum(count == orders for count in answered.values())
    if not missing:
        return ""
    late = f"{missing} of {known} processes did not answer within {seconds:g} s"
    return f"{late}: they may not have carried it out"


def _counted(number: int, noun: str) -> str:
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"

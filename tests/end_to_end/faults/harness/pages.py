"""
Pages that load their state by HTTP and go live from its position: by a WebSocket of either protocol, by
Server-Sent Events, or by one GET of /cable/changes.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import connect

from tests.end_to_end.faults.harness.checker import lacking
from tests.support.cable import BASE, EXTENDED
from tests.support.event_stream import Blocks
from tests.support.site import Person, Server

# Version of each task: in whole seconds, 0 for one that was created and never updated.
Versions = dict[int, int]
# What each way yields besides changes: that it is subscribed, and each heartbeat.
LIVE: dict[str, Any] = {"action": "live"}
PING: dict[str, Any] = {"action": "ping"}
Told = AsyncGenerator[dict[str, Any], None]


@dataclass(frozen=True)
class State:
    known: Versions
    position: str


class Page:
    """It loads its state from one server and goes live at another, as behind a load balancer."""

    def __init__(self, http: httpx.AsyncClient, person: Person, loads_from: Server, live_at: Server) -> None:
        self.http = http
        self._person = person
        self._loads_from = loads_from
        self._live_at = live_at
        self._headers = {"Cookie": f"Authorization={person.token}"}

    async def load(self) -> State:
        answer = await self.http.get(
            f"{self._loads_from.url}/state.json", params={"user": self._person.pk}, headers=self._headers
        )
        found = answer.raise_for_status().json()
        return State(dict(found["tasks"]), answer.headers["Cable-Position"])

    # The ways to go live

    def base(self, position: str) -> Told:
        return self._websocket(position, BASE)

    def extended(self, position: str) -> Told:
        return self._websocket(position, EXTENDED)

    async def _websocket(self, position: str, protocols: tuple[str, ...]) -> Told:
        identifier = json.dumps({"channel": "NotificationsChannel", "position": position})
        socket = await connect(
            self._live_at.cable_url,
            additional_headers=self._headers,
            subprotocols=list(protocols),
            compression=None,
            ping_interval=None,
            proxy=None,
        )
        try:
            await socket.send(json.dumps({"command": "subscribe", "identifier": identifier}))
            async for text in socket:
                frame = json.loads(text)
                kind = frame.get("type")
                assert not str(kind).startswith("reject"), frame
                if "type" not in frame:
                    yield frame["message"]
                elif kind in ("confirm_subscription", "ping"):
                    yield PING if kind == "ping" else LIVE
        finally:
            # A closing handshake would first wait for all unread frames.
            socket.transport.abort()

    async def events(self, position: str) -> Told:
        headers = self._headers | {"Last-Event-ID": position}
        blocks = Blocks()
        async with self.http.stream("GET", f"{self._live_at.url}/cable/events", headers=headers) as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if (block := blocks.take(line)) is None:
                    continue
                assert block.name == "message", block
                if block.text:
                    yield block.data
                else:
                    yield PING if "ping" in block.comments else LIVE

    async def pull(self, position: str) -> Told:
        """All changes committed before the request are in its one response."""
        yield LIVE
        answer = await self.http.get(
            f"{self._live_at.url}/cable/changes", params={"position": position}, headers=self._headers
        )
        changes = answer.raise_for_status().json()["changes"] if answer.status_code != 204 else []
        for change in changes:
            yield change


WAYS = {"base": Page.base, "extended": Page.extended, "events": Page.events, "pull": Page.pull}


@dataclass(frozen=True)
class Outcome:
    """due: changes missing in the state and committed before the page was live. missed: never delivered."""

    due: Mapping[int, int]
    missed: Mapping[int, int]


async def go_live(told: Told, state: State, tables: Callable[[], Versions], patience: int) -> Outcome:
    """tables: reads the versions. patience: the number of heartbeats after which a due change is missed."""
    known, missed = dict(state.known), {}
    due: Versions | None = None
    pings = 0
    async with asyncio.timeout(120), aclosing(told):
        async for message in told:
            if message is LIVE:
                due = await asyncio.to_thread(tables)
                missed = lacking(known, due)
            elif message is PING:
                pings += 1
            else:
                pk, version = message["id"], message.get("updatedAt", 0)
                known[pk] = max(version, known.get(pk, 0))
                if known[pk] >= missed.get(pk, known[pk] + 1):
                    del missed[pk]
            if due is not None and (not missed or pings >= patience):
                break
    assert due is not None, "it never was live"
    return Outcome(lacking(state.known, due), missed)

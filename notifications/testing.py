"""
For the tests of projects that use this app.

    with captured_notifications() as batches:
        with transaction.atomic():
            Task.objects.create(user=alice, label="buy tea")
    assert batches == [[{"action": "create#tasks", "id": 1}]]

    async with CableCommunicator(cookies={"sessionid": key}) as client:
        await client.subscribe()
        await Task.objects.acreate(user=alice, label="buy tea")
        assert await client.receive_notification() == {"action": "create#tasks", "id": 2}
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self
from unittest import mock

from channels.testing import WebsocketCommunicator

from .broker import publisher
from .hub.current import hubs_of_loop, stop_hub
from .routing import PATHS, cable_application
from .wire import protocol
from .wire.payloads import Change

Frame = dict[str, Any]


@contextmanager
def captured_notifications() -> Iterator[list[list[dict[str, Any]]]]:
    """
    What is announced meanwhile, and not sent: a list per commit, of payloads as clients receive them.

    Only commits count, as in production: in a TestCase use captureOnCommitCallbacks(execute=True), which
    makes one batch of what is saved within it.
    """
    batches: list[list[dict[str, Any]]] = []

    def collect(changes: Sequence[Change]) -> None:
        batches.append([json.loads(change.payload) for change in changes])

    with mock.patch.object(publisher, "publish", collect):
        yield batches


class CableCommunicator(WebsocketCommunicator):
    """
    An ActionCable client without a server: it connects to the cable in the test's own process and loop.

    The hub reads the database on threads of its own, so that the test has to commit (pytest-django's
    transactional_db, Django's TransactionTestCase). As a context manager it opens and closes itself.

    cookies, headers: the credentials of the handshake. subprotocol: protocol.BASE or protocol.EXTENDED.
    """

    def __init__(
        self,
        *,
        cookies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        subprotocol: str = protocol.BASE,
        path: str = PATHS[0],
    ) -> None:
        sent = dict(headers or {})
        if cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        encoded = [(name.lower().encode(), value.encode()) for name, value in sent.items()]
        super().__init__(cable_application([path]), path, encoded, [subprotocol])

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def open(self) -> Frame:
        """
        Returns the first frame: `welcome`, or `disconnect` if the credentials give no right to a socket.
        """
        connected, _ = await self.connect()
        assert connected, "the handshake was refused: Origin, or a process that drains"
        return await self.receive_frame()

    async def close(self) -> None:
        """The last one to close stops the hub, whose tasks would outlive the test's loop."""
        await self.disconnect()
        if not any(hub.registry for hub in hubs_of_loop()):
            await stop_hub()

    async def subscribe(self, **params: Any) -> Frame:
        """params: of the identifier, besides its channel. Returns the confirm or the reject."""
        identifier = protocol.encode({"channel": protocol.CHANNEL, **params})
        await self.send_json_to({"command": protocol.SUBSCRIBE, "identifier": identifier})
        return await self.receive_frame()

    async def receive_frame(self, timeout: float = 1) -> Frame:
        """The next frame that is not a ping. Raises TimeoutError after so many seconds without a frame."""
        while True:
            frame: Frame = await self.receive_json_from(timeout)
            if frame.get("type") != "ping":
                return frame

    async def receive_notification(self, timeout: float = 1) -> Frame:
        """The payload of the next frame, which has to be a notification."""
        frame = await self.receive_frame(timeout)
        assert "message" in frame, f"expected a notification, not {frame}"
        payload: Frame = frame["message"]
        return payload

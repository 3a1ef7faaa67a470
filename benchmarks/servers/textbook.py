"""ActionCable on an AsyncJsonWebsocketConsumer, written as in the tutorials of Channels."""

import asyncio
import time
from typing import Any

from benchmarks.servers.django_minimum import set_up
from benchmarks.servers.users import user_of

set_up()

from channels.generic.websocket import AsyncJsonWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


class NotificationsConsumer(AsyncJsonWebsocketConsumer):
    identifier = ""

    async def connect(self) -> None:
        self.group = f"user.{user_of(self.scope['headers'])}"
        await self.accept("actioncable-v1-json")
        await self.send_json({"type": "welcome"})
        self.heartbeat = asyncio.create_task(self.beat())

    async def disconnect(self, code: int) -> None:
        self.heartbeat.cancel()
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        if content["command"] == "subscribe":
            self.identifier = content["identifier"]
            await self.channel_layer.group_add(self.group, self.channel_name)
            await self.send_json({"identifier": self.identifier, "type": "confirm_subscription"})

    async def notify(self, event: dict[str, Any]) -> None:
        await self.send_json({"identifier": self.identifier, "message": event["payload"]})

    async def beat(self) -> None:
        while True:
            await asyncio.sleep(3)
            await self.send_json({"type": "ping", "message": int(time.time())})


application = ProtocolTypeRouter({"websocket": URLRouter([path("cable", NotificationsConsumer.as_asgi())])})

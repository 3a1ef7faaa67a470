"""django-actioncable from PyPI, set up as in its README; on the pub/sub channel layer, its fastest."""

from typing import Any

from benchmarks.servers.django_minimum import set_up
from benchmarks.servers.users import user_of

set_up()

from actioncable import ActionCableConsumer, CableChannel, cable_channel_register  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.urls import path  # noqa: E402


@cable_channel_register
class NotificationsChannel(CableChannel):
    def __init__(
        self, consumer: ActionCableConsumer, identifier_key: str, params: dict[str, Any] | None = None
    ) -> None:
        self.consumer = consumer
        self.identifier_key = identifier_key
        self.group_name = f"user.{user_of(consumer.scope['headers'])}"

    async def subscribe(self) -> None:
        await self.consumer.subscribe_group(self.group_name, self)

    async def unsubscribe(self) -> None:
        await self.consumer.unsubscribe_group(self.group_name, self)


application = ProtocolTypeRouter({"websocket": URLRouter([path("cable", ActionCableConsumer.as_asgi())])})

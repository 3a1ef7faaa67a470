"""
Drives one client from PyPI, unmodified:  python client.py PACKAGE URL TOKEN

Prints what happens to it, a JSON object a line; obeys {"do": …} on its standard input.
"""

import asyncio
import json
import sys
import threading
from collections.abc import Iterator
from typing import Any

CHANNEL = {"channel": "NotificationsChannel"}


def say(event: str, **more: Any) -> None:
    print(json.dumps({"event": event, **more}), flush=True)  # noqa: T201


def orders() -> Iterator[str]:
    for line in sys.stdin:
        yield json.loads(line)["do"]


def actioncable_client(url: str, token: str) -> None:
    from actioncable_client.connection import Connection
    from actioncable_client.subscription import Subscription

    connection = Connection(url, header={"Authorization": token})
    connection.connect()
    subscription = Subscription(connection, identifier=CHANNEL)
    subscription.on_receive(lambda received: say("received", message=received.data["message"]))
    for order in orders():
        if order == "subscribe":
            subscription.create()
        else:
            subscription.remove()


def aioactioncable(url: str, token: str) -> None:
    """Its coroutines block the loop they are awaited on, so that each has one of its own."""
    # It takes nothing but a URL.
    connection = asyncio.run(connected(url.replace("ws://", f"ws://token:{token}@")))
    if connection is None:
        say("gave up")
        return
    subscription: Any = None
    for order in orders():
        if order == "subscribe":
            subscription = asyncio.run(connection.subscribe(CHANNEL))
            threading.Thread(target=asyncio.run, args=(listen(subscription),), daemon=True).start()
        else:
            asyncio.run(subscription.unsubscribe())


async def connected(url: str) -> Any:
    from aioactioncable.client import Connect

    return await Connect(url)


async def listen(subscription: Any) -> None:
    async for message in subscription:
        say("received", message=json.loads(message))


name, url, token = sys.argv[1:]
if name == "aioactioncable":
    aioactioncable(url, token)
else:
    actioncable_client(url, token)

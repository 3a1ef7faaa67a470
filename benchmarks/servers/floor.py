"""
The floor: the minimal ASGI application that is still a cable. No Channels, no Django, no authentication.

It shows the cost of daphne itself; a ratio to it shows what our server adds.
"""

import asyncio
import json
import os
import time
from collections import defaultdict
from typing import Any

from redis.asyncio import Redis

from benchmarks.servers.users import user_of

CONFIRM = '{"identifier":"{\\"channel\\":\\"NotificationsChannel\\"}","type":"confirm_subscription"}'
HEAD = '{"identifier":"{\\"channel\\":\\"NotificationsChannel\\"}","message":'
PING_SECONDS = 3.0
PING_SLOTS = 60

listeners: dict[int, set[Any]] = defaultdict(set)
slots: list[set[Any]] = [set() for _ in range(PING_SLOTS)]
running: list[asyncio.Task[None]] = []
subscribing = asyncio.Lock()
pubsub: Any = None


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] != "websocket":
        return
    begin()
    user = user_of(scope["headers"])
    slot = slots[id(send) // 16 % PING_SLOTS]
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "actioncable-v1-json"})
    await send({"type": "websocket.send", "text": '{"type":"welcome"}'})
    slot.add(send)
    try:
        while (message := await receive())["type"] != "websocket.disconnect":
            if json.loads(message["text"])["command"] == "subscribe":
                async with subscribing:
                    if user not in listeners:
                        await pubsub.subscribe(f"user.{user}")
                listeners[user].add(send)
                await send({"type": "websocket.send", "text": CONFIRM})
    finally:
        slot.discard(send)
        listeners[user].discard(send)


def begin() -> None:
    global pubsub
    if not running:
        pubsub = Redis.from_url(os.environ["REDIS_URL"]).pubsub(ignore_subscribe_messages=True)
        running.extend([asyncio.create_task(deliver()), asyncio.create_task(beat())])


async def deliver() -> None:
    async with subscribing:
        await pubsub.subscribe("somebody")  # listen() needs at least one subscription
    async for message in pubsub.listen():
        if message["type"] == "message":
            user = int(message["channel"].rpartition(b".")[2])
            frame = f"{HEAD}{message['data'].decode()}}}"
            for send in tuple(listeners[user]):
                await send({"type": "websocket.send", "text": frame})


async def beat() -> None:
    while True:
        for slot in slots:
            await asyncio.sleep(PING_SECONDS / PING_SLOTS)
            frame = f'{{"type":"ping","message":{int(time.time())}}}'
            for send in tuple(slot):
                await send({"type": "websocket.send", "text": frame})

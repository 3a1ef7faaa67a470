"""Prints each notification of a user's cable: python examples/subscribe.py ws://127.0.0.1:8000/cable TOKEN"""

import json
import sys

from websockets.sync.client import connect

SUBSCRIBE = {"command": "subscribe", "identifier": json.dumps({"channel": "NotificationsChannel"})}

url, token = sys.argv[1:]
with connect(url, additional_headers={"Authorization": token}) as socket:
    socket.send(json.dumps(SUBSCRIBE))
    for frame in socket:
        if json.loads(frame).get("type") != "ping":
            print(frame, flush=True)  # noqa: T201

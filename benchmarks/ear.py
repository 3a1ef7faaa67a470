"""
Records when Redis delivers each change:

    python -m benchmarks.ear REDIS_URL PUBLICATION

Prints "ready" once it is subscribed to everything that is published. When its standard input ends, it prints
what it has received: [[row, version, time (CLOCK_MONOTONIC)], …].
"""

import json
import sys
import threading
import time

from redis import Redis

from benchmarks.publications import row_and_version

LOOK_SECONDS = 0.1


def main(redis_url: str, publication: str) -> None:
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    with Redis.from_url(redis_url).pubsub() as pubsub:
        pubsub.psubscribe("*")
        while (pubsub.get_message(timeout=LOOK_SECONDS) or {}).get("type") != "psubscribe":
            pass
        print("ready", flush=True)
        heard = []
        while not over.is_set():
            if (message := pubsub.get_message(timeout=LOOK_SECONDS)) is not None:
                heard.append((time.monotonic(), message["data"]))
    found = ((row_and_version(publication, body), at) for at, body in heard)
    print(json.dumps([(*key, at) for key, at in found if key is not None]))


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The real clients, each in a process of its own, and what they say of themselves."""

import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

from tests.support.required import missing
from tests.support.waiting import within

HERE = Path(__file__).parent


class Client:
    """events: all that it said so far."""

    def __init__(self, name: str, command: list[str | Path]) -> None:
        self.name = name
        self.events: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE
        )
        self._reader = threading.Thread(target=self._listen)
        self._reader.start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.append(json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def do(self, action: str, **params: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": action, **params}) + "\n")
        self._process.stdin.flush()

    def count(self, event: str) -> int:
        return sum(each["event"] == event for each in self.events)

    def received(self) -> list[Any]:
        return [each["message"] for each in self.events if each["event"] == "received"]

    def wait_for(self, event: str, times: int = 1, seconds: float = 15) -> None:
        happened = within(seconds, lambda: self.count(event) >= times)
        assert happened, f"{self.name} waits for {event!r}: {self.events}"

    def wait_to_receive(self, message: Any, seconds: float = 15) -> None:
        happened = within(seconds, lambda: message in self.received())
        assert happened, f"{self.name} waits for {message}: {self.events}"


def node_client(package: str, url: str, token: str, protocol: str = "actioncable-v1-json") -> Client:
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "ws").is_dir():
        missing("node (with make setup)")
    command: list[str | Path] = [str(node), HERE / "client.mjs", package, url, token, protocol]
    return Client(package, command)


def python_client(package: str, url: str, token: str) -> Client:
    return Client(package, [sys.executable, HERE / "client.py", package, url, token])

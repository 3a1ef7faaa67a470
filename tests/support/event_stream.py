"""A client of /cable/events that shows every event unprocessed."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

import httpx

from tests.support.raw import RawSocket


@dataclass(frozen=True)
class Event:
    """
    name: "message" if the event has none. id: the last id so far. moves: whether this event has an id.
    comments: its comment lines.
    """

    name: str
    text: str
    id: str
    moves: bool
    comments: tuple[str, ...]

    @property
    def data(self) -> Any:
        return json.loads(self.text)


class Blocks:
    """
    Parses lines into events. position: the last id received, as a browser keeps it. retry: in milliseconds.
    """

    def __init__(self) -> None:
        self.position = ""
        self.retry = 0
        self._fields: dict[str, str] = {}
        self._comments: list[str] = []

    def take(self, line: str) -> Event | None:
        """Returns the block that an empty line ends, else None. A block without text is not an event."""
        name, _, value = line.partition(":")
        if name:
            self._fields[name] = value.removeprefix(" ")
        elif line:
            self._comments.append(value.strip())
        return None if line else self._block()

    def _block(self) -> Event:
        fields, comments, self._fields, self._comments = self._fields, self._comments, {}, []
        self.position = fields.get("id", self.position)
        self.retry = int(fields.get("retry", self.retry))
        name, text = fields.get("event", "message"), fields.get("data", "")
        return Event(name, text, self.position, "id" in fields, tuple(comments))


class EventSource:
    """
    lines: all lines so far. cut: whether the connection ended before the response. options: of httpx.stream.
    """

    def __init__(self, url: str, *, verify: Any = True, **options: Any) -> None:
        self._open = ExitStack()
        client = self._open.enter_context(
            httpx.Client(timeout=httpx.Timeout(10), trust_env=False, verify=verify)
        )
        self.answer = self._open.enter_context(client.stream("GET", url, **options))
        self.status = self.answer.status_code
        self.lines: list[str] = []
        self.cut = False
        self._blocks = Blocks()
        self._lines = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._open.close()

    def error(self) -> Any:
        return json.loads(self.answer.read())

    def _read(self) -> Iterator[str]:
        try:
            yield from self.answer.iter_lines()
        except (httpx.RemoteProtocolError, httpx.ReadError):
            self.cut = True

    @property
    def position(self) -> str:
        return self._blocks.position

    @property
    def retry(self) -> int:
        return self._blocks.retry

    def block(self) -> Event | None:
        """The lines up to the next empty one; None at the end of the stream. Without text, not an event."""
        for line in self._lines:
            self.lines.append(line)
            if (found := self._blocks.take(line)) is not None:
                return found
        return None

    def event(self, seconds: float = 10) -> Event | None:
        """The next event; None at the end of the stream. The deadline is checked at each ping."""
        deadline = time.monotonic() + seconds
        while (found := self.block()) is not None and not found.text:
            assert time.monotonic() < deadline, f"no event within {seconds:g} s"
        return found

    def opened(self) -> Self:
        """Reads the first block, after which the stream is subscribed."""
        assert self.status == 200, self.answer.read()
        assert self.answer.headers["Content-Type"] == "text/event-stream"
        self.block()
        return self

    def message(self) -> Any:
        event = self.event()
        assert event is not None
        assert event.name == "message", event
        return event.data

    def ping(self) -> Event:
        while "ping" not in (found := self.block() or _ended()).comments:
            pass
        return found


def _ended() -> Event:
    raise AssertionError("the stream ended")


def as_a_browser(token: str, **headers: str) -> Mapping[str, str]:
    return {"Cookie": f"Authorization={token}", "Accept": "text/event-stream", **headers}


def request_of(token: str) -> bytes:
    """The bytes of the HTTP request."""
    head = f"GET /cable/events HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: Authorization={token}\r\n\r\n"
    return head.encode()


def stalled_stream(port: int, token: str) -> RawSocket:
    """An open stream that nothing reads from now on."""
    found = RawSocket(port, receive_buffer=4096)
    found.send(request_of(token))
    found.hear(b"retry: ")
    return found

"""
A client that tests the path of a notification step by step. It writes nothing: it connects with a ticket
(handshake/tickets.py), and announces a row that did not change, which clients ignore by contract; or, without
a user, a row that does not exist, which no other client receives.
"""

import asyncio
import json
import secrets
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection
from websockets.typing import Origin, Subprotocol

from ..broker.layers import broker_name, is_local
from ..broker.publisher import publish, publisher
from ..changes.resources import Resource, resources
from ..client.websocket import connect
from ..conf import cable_settings
from ..handshake import tickets
from ..handshake.hosts import is_allowed_host
from ..models import Epoch
from ..wire import protocol
from ..wire.payloads import CHECK, Change, Key, key_of, update_change
from .inquiry import BrokerAway, ask_processes
from .users import NoSuchUser, find_user_or_key

SECONDS = 5.0
IDENTIFIER = protocol.encode({"channel": protocol.CHANNEL})
# The resource of the row that does not exist.
NO_RESOURCE = "cable_check"


class Step(NamedTuple):
    """
    ok: None if it was not tried. detail: what was found, what failed, or why it was not tried. hint: where to
    look in that case.
    """

    name: str
    ok: bool | None
    milliseconds: float
    detail: str
    hint: str = ""


class Failed(Exception):
    def __init__(self, detail: object, hint: str) -> None:
        super().__init__(detail)
        self.hint = hint


class Skipped(Exception):
    """Why a step was not tried."""


# A hint uses the names of the settings; a project may override the hints with names of its own.
HINTS = {
    "database": "DATABASES; manage.py migrate",
    "broker": "CHANNEL_LAYERS (CABLE['BROKER_URL']): the address, user and password; does it run?",
    "processes": "does the server have this CHANNEL_LAYERS, SECRET_KEY, database (or CABLE['PREFIX'])?",
    "handshake": "404: another path. 403: ALLOWED_HOSTS, limits of addresses",
    "right": "does the server have this SECRET_KEY and database? With --header: is it still good?",
    "notify": "manage.py cable_tail shows what passes between processes",
}


class Probe:
    """
    with Probe(url, username) as probe: for step in probe.steps(): …  Stops after the first that fails.

    username: a name or a primary key; None: anonymous. headers: of the handshake, such as a cookie, in place
    of the ticket: then they must be this user's. hints: by what failed.
    """

    hints: Mapping[str, str] = HINTS

    def __init__(self, url: str, username: str | None, headers: Mapping[str, str] | None = None) -> None:
        self._url = url
        self._username = username
        self._headers = dict(headers or {})
        self._stack = ExitStack()
        self._user: Any = None
        self._key: Key
        self._socket: ClientConnection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def steps(self) -> Iterator[Step]:
        for name, take in (
            ("database", self._database),
            ("processes", self._processes),
            ("user", self._admit_user),
            ("connect", self._connect),
            ("subscribe", self._subscribe),
            ("notify", self._notify),
            ("ping", self._ping),
        ):
            step = self._taken(name, take)
            yield step
            if step.ok is False:
                return

    def _taken(self, name: str, take: Callable[[], str]) -> Step:
        started = time.perf_counter()
        try:
            step = Step(name, True, 0, take())
        except Skipped as exc:
            step = Step(name, None, 0, str(exc))
        except Failed as exc:
            step = Step(name, False, 0, str(exc), exc.hint)
        except DatabaseError as exc:
            reason = " ".join(str(exc).split())
            detail = f"the database refuses or does not answer: {reason}"
            step = Step(name, False, 0, detail, self.hints["database"])
        return step._replace(milliseconds=round((time.perf_counter() - started) * 1000, 1))

    def _database(self) -> str:
        return f"answers; its epoch is {Epoch.current()}"

    def _processes(self) -> str:
        if is_local():
            raise Skipped("the in-memory layer reaches no other process")
        try:
            answers = asyncio.run(ask_processes(quiet=0.2))
        except BrokerAway as exc:
            raise Failed(exc, self.hints["broker"]) from exc
        if not answers:
            raise Failed(f"{broker_name()} answers, but no process does", self.hints["processes"])
        names = ", ".join(answer["process"] for answer in answers)
        return f"{len(answers)} answered through {broker_name()}: {names}"

    def _admit_user(self) -> str:
        """Finds the user, and the credentials to connect with."""
        if self._username is None:
            if self._headers:
                raise Failed("whose credentials --header has is not known", "--user NAME")
            self._key, detail = CHECK + secrets.token_hex(8), "nobody, by a ticket: name one by --user"
        else:
            self._user = active_user(self._username)
            how = "--header" if self._headers else "a ticket: --header tries a log-in"
            self._key, detail = key_of(self._user.pk), f"{self._user}, by {how}"
        self._headers = self._headers or {tickets.HEADER: tickets.new_ticket(self._key)}
        return detail

    def _connect(self) -> str:
        try:
            url, sock = _by_an_allowed_name(self._url)
            opened = connect(
                url,
                sock=sock,
                # As a browser sends it: the server's own origin, which is always admitted.
                origin=_origin(url),
                additional_headers=self._headers,
                subprotocols=[Subprotocol(protocol.BASE)],
                proxy=None,
                open_timeout=SECONDS,
                close_timeout=1,
            )
            self._socket = self._stack.enter_context(opened)
        except (InvalidURI, ValueError) as exc:
            raise Failed(exc, "--url ws://HOST:PORT/cable") from exc
        except InvalidHandshake as exc:
            raise Failed(exc, self.hints["handshake"]) from exc
        except OSError as exc:
            raise Failed(exc, "does a server listen there? (--url)") from exc
        frame = self._frame()
        if frame.get("type") != "welcome":
            raise Failed(frame, self.hints["right"])
        return f"welcomed at {self._url}"

    def _subscribe(self) -> str:
        self._socket.send(json.dumps({"command": protocol.SUBSCRIBE, "identifier": IDENTIFIER}))
        frame = self._frame()
        if frame != {"identifier": IDENTIFIER, "type": "confirm_subscription"}:
            raise Failed(f"not confirmed: {frame}", "the log of the server")
        return "confirmed"

    def _notify(self) -> str:
        if is_local():
            raise Skipped("with the in-memory layer only the server itself can announce")
        change, row = self._announcement()
        publish([change])
        if not publisher.flush(SECONDS):
            raise Failed("it was not published", self.hints["broker"])
        self._hear(json.loads(change.payload))
        return f"{row} was announced through {broker_name()}, and heard"

    def _announcement(self) -> tuple[Change, str]:
        """The change to announce, and its description."""
        if self._user is None:
            pk = secrets.token_hex(8)
            at = datetime.now(UTC)
            return update_change(NO_RESOURCE, pk, self._key, at, in_tables=False), "a row that there is not"
        found = newest_row_of(self._user)
        if found is None:
            raise Skipped(f"{self._user} has no row to announce again")
        resource, change = found
        return change, f"row {change.pk} of {resource.name}"

    def _ping(self) -> str:
        self._frame(cable_settings().ping_interval + SECONDS, pings=True)
        return f"came; one is due every {cable_settings().ping_interval:g} s"

    # Frames

    def _hear(self, wanted: dict[str, Any]) -> None:
        """Skips other notifications: a busy user may get some meanwhile."""
        deadline = time.monotonic() + SECONDS
        while (frame := self._frame(max(0, deadline - time.monotonic()))).get("message") != wanted:
            if "message" not in frame:
                raise Failed(f"expected {wanted}, and got {frame}", self.hints["notify"])

    def _frame(self, seconds: float = SECONDS, *, pings: bool = False) -> dict[str, Any]:
        """The next ping, or the next frame that is not a ping."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                frame = _parsed(self._socket.recv(max(0, deadline - time.monotonic())))
                if (frame.get("type") == "ping") is pings:
                    return frame
        except (TimeoutError, ConnectionClosed) as exc:
            what = "nothing came" if isinstance(exc, TimeoutError) else "the socket was closed"
            raise Failed(f"{what} within {seconds:g} s", "the log of the server") from exc


def newest_row_of(user: Any) -> tuple[Resource, Change] | None:
    """
    The row of this owner that changed last, as an update of it, whatever its resource. Without rows that have
    an audience: it is not known here which other users would be notified.
    """
    found = (_newest(resource, user) for resource in resources().values() if not resource.audience)
    return max(filter(None, found), key=lambda each: each[1].position, default=None)


def _newest(resource: Resource, user: Any) -> tuple[Resource, Change] | None:
    if not resource.updated_at:
        return None
    mine = resource.rows().filter(**{resource.owner: user.pk, f"{resource.updated_at}__isnull": False})
    if resource.deleted_at:
        mine = mine.filter(**{f"{resource.deleted_at}__isnull": True})
    values = mine.order_by(f"-{resource.updated_at}").values(*resource.columns()).first()
    return (resource, resource.updated(resource.row(values))) if values else None


def active_user(name: str) -> Any:
    try:
        user = find_user_or_key(name)
    except NoSuchUser as exc:
        raise Failed(exc, "a name or a primary key; manage.py createsuperuser") from exc
    if not user.is_active:
        raise Failed(f"{name!r} is not active", "an inactive user may not sign in")
    return user


def _parsed(text: str | bytes) -> dict[str, Any]:
    try:
        frame = json.loads(text)
    except ValueError:
        frame = None
    if not isinstance(frame, dict):
        raise Failed(f"no frame of a cable: {text[:80]!r}", "does the cable answer at --url?")
    return frame


def _by_an_allowed_name(url: str) -> tuple[str, socket.socket | None]:
    """
    The same URL with a host of ALLOWED_HOSTS, and a connection to the original address: the address by which
    a server is reached need not be in its ALLOWED_HOSTS. Raises ValueError and OSError.
    """
    parts = urlsplit(url)
    names = [name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"]
    if not parts.hostname or not names or is_allowed_host(parts.netloc.rpartition("@")[2]):
        return url, None
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    named = parts._replace(netloc=f"{names[0]}:{port}")
    return named.geturl(), socket.create_connection((parts.hostname, port), timeout=SECONDS)


def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    return Origin(f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}")

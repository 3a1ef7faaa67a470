"""
A client that goes the whole way, from a saved row to the frame on its socket, and says how far it came.

It is a scratch user's, who is deleted at the end with what was saved: nobody else hears of it. Or a given
user's: then nothing is saved, and a row of theirs is announced again, which clients ignore by contract.
"""

import asyncio
import json
import secrets
import string
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from django.db import DatabaseError, transaction
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

import notifications
from lessy.accounts import tokens
from lessy.accounts.models import User
from notifications import protocol
from notifications.conf import cable_settings
from notifications.inquiry import BrokerAway, ask_processes
from notifications.layers import is_local
from notifications.models import Epoch
from tasks.models import Task

SECONDS = 5.0
TOKEN_LIFETIME = timedelta(minutes=5)
IDENTIFIER = protocol.encode({"channel": protocol.CHANNEL})


class Step(NamedTuple):
    """detail: what was found, or what failed. hint: where to look then."""

    name: str
    ok: bool
    milliseconds: float
    detail: str
    hint: str = ""


class Failed(Exception):
    def __init__(self, detail: object, hint: str) -> None:
        super().__init__(detail)
        self.hint = hint


class Probe:
    """with Probe(url, username) as probe: for step in probe.steps(): …  The first that fails is the last."""

    def __init__(self, url: str, username: str | None) -> None:
        self._url = url
        self._username = username
        self._stack = ExitStack()
        self._user: User
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
            step = _taken(name, take)
            yield step
            if not step.ok:
                return

    def _database(self) -> str:
        try:
            return f"answers; its epoch is {Epoch.current()}"
        except DatabaseError as exc:
            raise Failed(exc, "DATABASE_URL; manage.py migrate") from exc

    def _processes(self) -> str:
        if is_local():
            return "not asked: the in-memory layer reaches no other process"
        try:
            answers = asyncio.run(ask_processes(quiet=0.2))
        except BrokerAway as exc:
            raise Failed(exc, "REDIS_URL; does Redis run?") from exc
        if not answers:
            raise Failed("Redis answers, but no process does", "does the server have this REDIS_URL?")
        return f"{len(answers)} answered through Redis: {', '.join(answer['process'] for answer in answers)}"

    def _admit_user(self) -> str:
        if self._username is None:
            self._user = self._stack.enter_context(_scratch_user())
            detail = "a scratch user, deleted at the end"
        else:
            found = User.objects.filter(username=self._username, is_active=True).first()
            if found is None:
                raise Failed(f"no user {self._username!r} who may sign in", "manage.py createsuperuser")
            self._user, detail = found, self._username
        self._token = self._stack.enter_context(_short_token(self._user))
        return detail

    def _connect(self) -> str:
        try:
            opened = connect(
                self._url,
                # As a browser sends it, and the server's own, which is always admitted.
                origin=_origin(self._url),
                additional_headers={"Cookie": f"Authorization={self._token}"},
                subprotocols=[Subprotocol(protocol.BASE)],
                proxy=None,
                open_timeout=SECONDS,
                close_timeout=1,
            )
            self._socket = self._stack.enter_context(opened)
        except InvalidURI as exc:
            raise Failed(exc, "--url ws://HOST:PORT/cable") from exc
        except InvalidHandshake as exc:
            raise Failed(exc, "404: another path. 403: CABLE_ALLOWED_ORIGINS, limits of addresses") from exc
        except OSError as exc:
            raise Failed(exc, "does a server listen there? (--url)") from exc
        frame = self._frame()
        if frame.get("type") != "welcome":
            raise Failed(frame, "does the server have this DJANGO_SECRET_KEY and DATABASE_URL?")
        return f"welcomed at {self._url}"

    def _subscribe(self) -> str:
        self._socket.send(json.dumps({"command": protocol.SUBSCRIBE, "identifier": IDENTIFIER}))
        frame = self._frame()
        if frame != {"identifier": IDENTIFIER, "type": "confirm_subscription"}:
            raise Failed(f"not confirmed: {frame}", "the log of the server")
        return "confirmed"

    def _notify(self) -> str:
        if is_local():
            return "not tried: with the in-memory layer only the server itself can announce"
        hint = "CABLE in the settings, RESOURCES; manage.py cable_tail shows what passes through Redis"
        if self._username is not None:
            return self._announce_again(hint)
        self._save_and_undo()
        task = Task.objects.create(user=self._user, label="cable_check")
        self._expect_message("create#tasks", task.pk, hint)
        return "a saved task was announced, and one that was undone was not"

    def _announce_again(self, hint: str) -> str:
        newest = Task.objects.filter(user=self._user).order_by("-updated_at").first()
        if newest is None:
            return f"not tried: {self._username} has no task to announce again"
        self._save_and_undo()
        notifications.notify(Task.objects.filter(pk=newest.pk))
        self._expect_message("update#tasks", newest.pk, hint)
        return f"task {newest.pk} was announced again, and one that was undone was not"

    def _save_and_undo(self) -> None:
        with transaction.atomic():
            Task.objects.create(user=self._user, label="cable_check")
            transaction.set_rollback(True)

    def _ping(self) -> str:
        self._frame(cable_settings().ping_interval + SECONDS, pings=True)
        return f"came; one is due every {cable_settings().ping_interval:g} s"

    # Frames

    def _expect_message(self, action: str, pk: int, hint: str) -> None:
        frame = self._frame()
        message = frame.get("message", {})
        if (message.get("action"), message.get("id")) != (action, pk):
            raise Failed(f"expected {action} {pk}, and got {frame}", hint)

    def _frame(self, seconds: float = SECONDS, *, pings: bool = False) -> dict[str, Any]:
        """The next frame: the next ping, or the next that is none."""
        deadline = time.monotonic() + seconds
        try:
            while True:
                frame: dict[str, Any] = json.loads(self._socket.recv(max(0, deadline - time.monotonic())))
                if (frame.get("type") == "ping") is pings:
                    return frame
        except (TimeoutError, ConnectionClosed) as exc:
            what = "nothing came" if isinstance(exc, TimeoutError) else "the socket was closed"
            raise Failed(f"{what} within {seconds:g} s", "the log of the server") from exc


def _taken(name: str, take: Callable[[], str]) -> Step:
    started = time.perf_counter()
    try:
        step = Step(name, True, 0, take())
    except Failed as exc:
        step = Step(name, False, 0, str(exc), exc.hint)
    return step._replace(milliseconds=round((time.perf_counter() - started) * 1000, 1))


@contextmanager
def _scratch_user() -> Iterator[User]:
    name = "cablecheck" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))
    user = User.objects.create_user(name, f"{name}@localhost")
    try:
        yield user
    finally:
        user.delete()


@contextmanager
def _short_token(user: User) -> Iterator[str]:
    token = tokens.issue(user, lifetime=TOKEN_LIFETIME)
    try:
        yield token
    finally:
        row = tokens.verify(token)
        if row is not None:
            row.delete()


def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    return Origin(f"{'https' if parts.scheme == 'wss' else 'http'}://{parts.netloc}")

import asyncio
import contextlib
import json
import time
from argparse import ArgumentParser
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management.base import CommandError
from redis.exceptions import RedisError

from ...broker.refusals import describe
from ...operations.inquiry import BrokerAway
from ...operations.overhear import CannotOverhear, Overheard
from ...operations.received import LeftOut, Line, Received, Said
from ...operations.terminal import CableCommand, whole_number
from ...operations.users import find_user, names_of
from ...wire.payloads import Change, Key, key_of


class Command(CableCommand):
    help = (
        "Shows notifications as they pass between processes, but not what is read from the tables; "
        "or, with --received, what the connections of one user are sent."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--user", metavar="NAME", help="only notifications of this user")
        parser.add_argument(
            "--received",
            action="store_true",
            help="ask the processes what they send to the connections of --user, replays and catch-ups too",
        )
        parser.add_argument(
            "--count", type=whole_number, default=0, metavar="N", help="exit after N notifications"
        )

    def run(self, *, user: str | None, received: bool, count: int, **options: Any) -> None:  # type: ignore[override]
        self._names: dict[Key, str] = {}
        self._json = options["json"]
        try:
            user_id = None if user is None else key_of(find_user(user).pk)
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(self._shown(user_id, received, count))
        except (CannotOverhear, BrokerAway) as exc:
            raise CommandError(str(exc)) from exc
        except (RedisError, OSError) as exc:
            raise CommandError(describe(exc)) from exc

    def _shown(self, user_id: Key | None, received: bool, count: int) -> Coroutine[Any, Any, None]:
        if not received:
            return self._tail(user_id, count)
        if user_id is None:
            raise CommandError("--received needs --user: the processes are asked about one user")
        return self._tail_received(user_id, count)

    async def _tail(self, user_id: Key | None, count: int) -> None:
        async with Overheard(user_id) as heard:
            self._say("listening; Ctrl-C ends it")
            shown = 0
            async for change, at in heard:
                self._show(change, at, await self._name(change.user_id))
                shown += 1
                if shown == count:
                    return

    async def _tail_received(self, user_id: Key, count: int) -> None:
        name = await self._name(user_id)
        async with Received(user_id) as received:
            shown = 0
            async for each in received:
                if isinstance(each, Said):
                    self._say(each.text)
                elif isinstance(each, LeftOut):
                    self._show_left_out(each)
                else:
                    self._show_received(each, user_id, name)
                    shown += 1
                    if shown == count:
                        return

    async def _name(self, user_id: Key) -> str:
        if user_id not in self._names:
            self._names |= {user_id: str(user_id)} | await sync_to_async(names_of)([user_id])
        return self._names[user_id]

    def _say(self, text: str) -> None:
        self.stderr.write(text)
        self.stderr.flush()

    def _show(self, change: Change, at: float, name: str) -> None:
        milliseconds = round((time.time() - at) * 1000, 1)
        if self._json:
            fields = {"at": at, "user_id": change.user_id, "user": name, "milliseconds": milliseconds}
            self._write(json.dumps({**fields, "notification": json.loads(change.payload)}))
        else:
            self._write(f"{_moment(at)}  {name}  {change.payload}  {milliseconds:g} ms after the commit")

    def _show_received(self, line: Line, user_id: Key, name: str) -> None:
        if self._json:
            self._write(json.dumps({**line._asdict(), "user_id": user_id, "user": name}))
        else:
            waits = ", waits for a client that does not read" if line.waits else ""
            what = f"{line.action}#{line.resource} {line.id}"
            self._write(f"{_moment(line.at)}  {line.connection}  {what}  {line.way}{waits}")

    def _show_left_out(self, left_out: LeftOut) -> None:
        if self._json:
            self._write(json.dumps({"process": left_out.process, "left_out": left_out.lines}))
        else:
            self._write(f"{left_out.process}: {left_out.lines} more, left out")

    def _write(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(" ", "milliseconds")[11:23]

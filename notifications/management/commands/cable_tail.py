import asyncio
import contextlib
import json
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management.base import CommandError
from redis.exceptions import RedisError

from ...broker.refusals import describe
from ...operations.overhear import CannotOverhear, Overheard
from ...operations.terminal import CableCommand, whole_number
from ...operations.users import find_user, names_of
from ...wire.payloads import Change, Key, key_of


class Command(CableCommand):
    help = "Shows notifications as they pass between processes, but not what is read from the tables."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--user", metavar="NAME", help="only notifications of this user")
        parser.add_argument(
            "--count", type=whole_number, default=0, metavar="N", help="exit after N notifications"
        )

    def run(self, *, user: str | None, count: int, **options: Any) -> None:  # type: ignore[override]
        self._names: dict[Key, str] = {}
        self._json = options["json"]
        try:
            user_id = None if user is None else key_of(find_user(user).pk)
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(self._tail(user_id, count))
        except CannotOverhear as exc:
            raise CommandError(str(exc)) from exc
        except (RedisError, OSError) as exc:
            raise CommandError(describe(exc)) from exc

    async def _tail(self, user_id: Key | None, count: int) -> None:
        async with Overheard(user_id) as heard:
            self.stderr.write("listening; Ctrl-C ends it")
            self.stderr.flush()
            shown = 0
            async for change, at in heard:
                self._show(change, at, await self._name(change.user_id))
                shown += 1
                if shown == count:
                    return

    async def _name(self, user_id: Key) -> str:
        if user_id not in self._names:
            self._names |= {user_id: str(user_id)} | await sync_to_async(names_of)([user_id])
        return self._names[user_id]

    def _show(self, change: Change, at: float, name: str) -> None:
        milliseconds = round((time.time() - at) * 1000, 1)
        if self._json:
            fields = {"at": at, "user_id": change.user_id, "user": name, "milliseconds": milliseconds}
            self.stdout.write(json.dumps({**fields, "notification": json.loads(change.payload)}))
        else:
            moment = datetime.fromtimestamp(at).astimezone().isoformat(" ", "milliseconds")[11:23]
            self.stdout.write(f"{moment}  {name}  {change.payload}  {milliseconds:g} ms after the commit")
        self.stdout.flush()

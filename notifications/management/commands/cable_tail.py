import asyncio
import contextlib
import json
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management.base import BaseCommand, CommandError
from redis.exceptions import RedisError

from notifications.overhear import CannotOverhear, Overheard
from notifications.payloads import Change, Key, key_of
from notifications.users import NoSuchUser, find_user, names_of


class Command(BaseCommand):
    help = "Shows notifications as they pass through Redis. What is read from the tables does not pass there."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", metavar="NAME", help="of this user only")
        parser.add_argument("--count", type=int, default=0, metavar="N", help="end after so many")
        parser.add_argument("--json", action="store_true", help="a JSON object a line")

    def handle(self, *args: Any, user: str | None, count: int, **options: Any) -> None:
        self._names: dict[Key, str] = {}
        self._json = options["json"]
        try:
            user_id = None if user is None else key_of(find_user(user).pk)
            with contextlib.suppress(KeyboardInterrupt):
                asyncio.run(self._tail(user_id, count))
        except (NoSuchUser, CannotOverhear) as exc:
            raise CommandError(str(exc)) from exc
        except (RedisError, OSError) as exc:
            raise CommandError(f"Redis does not answer: {exc}") from exc

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

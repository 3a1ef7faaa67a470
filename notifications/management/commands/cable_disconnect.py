from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

import notifications
from notifications.users import NoSuchUser, find_user


class Command(BaseCommand):
    help = "Close every socket of a user, on every process, as Rails' remote_connections does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, metavar="NAME")
        parser.add_argument("--reconnect", action="store_true", help="let its clients come back")

    def handle(self, *args: Any, user: str, reconnect: bool, **options: Any) -> None:
        try:
            found = find_user(user)
        except NoSuchUser as exc:
            raise CommandError(str(exc)) from exc
        notifications.disconnect(found.pk, reconnect=reconnect)

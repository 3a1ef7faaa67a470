from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

import notifications


class Command(BaseCommand):
    help = "Close every socket of a user, on every process, as Rails' remote_connections does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--user", required=True, metavar="NAME")
        parser.add_argument("--reconnect", action="store_true", help="let its clients come back")

    def handle(self, *args: Any, user: str, reconnect: bool, **options: Any) -> None:
        model = get_user_model()
        try:
            found = model._default_manager.get_by_natural_key(user)
        except model.DoesNotExist as exc:
            raise CommandError(f"no user {user!r}") from exc
        notifications.disconnect(found.pk, reconnect=reconnect)

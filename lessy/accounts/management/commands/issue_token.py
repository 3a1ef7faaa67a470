import re
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from lessy.accounts import tokens
from lessy.accounts.models import User

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    help = "Prints a new token of a user, alone on its line."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--sudo", action="store_true")
        parser.add_argument("--lifetime", default="30d", help="such as 90s, 15m, 12h, 30d")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"no user {options['username']!r} who may sign in")
        lifetime = _lifetime(options["lifetime"])
        self.stdout.write(tokens.issue(user, sudo=options["sudo"], lifetime=lifetime))


def _lifetime(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,5})([smhd])", text, re.ASCII)
    if not found:
        raise CommandError(f"--lifetime {text!r}: expected a number and s, m, h or d, such as 30d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})

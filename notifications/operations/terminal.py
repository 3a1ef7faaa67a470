"""What the cable's commands have in common: a failure is one sentence on stderr, and exit status 1."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from .users import NoSuchUser


class CableCommand(BaseCommand):
    """A subclass overrides run(), which gets the options of handle()."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON, one object per line")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.run(**options)
        except NoSuchUser as exc:
            raise CommandError(str(exc)) from exc
        except DatabaseError as exc:
            raise CommandError(f"the database does not answer: {exc}") from exc

    def run(self, **options: Any) -> None:
        raise NotImplementedError


def whole_number(text: str) -> int:
    """For an option: 0 or more. Raises ValueError, which argparse reports."""
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise ValueError(text)
    return int(text)


def seconds(text: str) -> float:
    """For an option: above 0 and up to an hour. Raises ValueError, which argparse reports."""
    found = float(text)
    if not 0 < found <= 3_600:
        raise ValueError(text)
    return found

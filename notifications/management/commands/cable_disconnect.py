import asyncio
import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ...operations.orders import ORDER_SECONDS, disconnect_users
from ...operations.terminal import CableCommand, seconds
from ...operations.users import find_user


class Command(CableCommand):
    help = "Closes all sockets of a user on every process, and reports how many."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--user", required=True, metavar="NAME")
        parser.add_argument("--reconnect", action="store_true", help="let the clients reconnect")
        parser.add_argument(
            "--wait",
            type=seconds,
            default=ORDER_SECONDS,
            metavar="SECONDS",
            help="wait this long (%(default)g)",
        )

    def run(self, *, user: str, reconnect: bool, wait: float, **options: Any) -> None:  # type: ignore[override]
        found = find_user(user).pk
        report = asyncio.run(disconnect_users([found], reconnect=reconnect, seconds=wait))
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json()))
        elif report.closed:
            self.stdout.write(report.summary)
        if not report.carried_out:
            raise CommandError(report.problem)

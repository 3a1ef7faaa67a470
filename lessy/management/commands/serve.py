from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.checks import run_checks
from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Serve HTTP and the cable on daphne, as production does."
    # handle() runs them: with the deployment's own, and before anything listens.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1:8000", metavar="HOST:PORT")
        parser.add_argument(
            "--drain",
            type=float,
            default=settings.CABLE_DRAIN_SECONDS,
            metavar="SECONDS",
            help="how long a stop spreads the farewells over (CABLE_DRAIN_SECONDS)",
        )

    def handle(self, *args: Any, bind: str, drain: float, **options: Any) -> None:
        serious = [message for message in run_checks() if message.is_serious()]
        if serious:
            raise CommandError("\n".join(str(message) for message in serious))
        # daphne installs its reactor when it is imported: not before it is needed.
        from lessy.asgi import application
        from lessy.server import serve

        try:
            if not serve(application, bind=bind, drain_seconds=max(0.0, drain)):
                raise CommandError(f"cannot listen on {bind}: see the log")
        except ValueError as exc:
            raise CommandError(str(exc)) from exc

import math
from argparse import ArgumentParser, ArgumentTypeError
from importlib.util import find_spec
from typing import Any

from django.conf import settings
from django.core.checks import run_checks
from django.core.handlers.asgi import ASGIHandler
from django.core.management.base import BaseCommand, CommandError
from django.utils.module_loading import import_string

from ...conf import server_settings
from ...server.access_log import LOGGER
from ...server.startup import watch_database

LONGEST_DRAIN = 3_600.0
DAPHNE_IS_MISSING = 'daphne is not installed: pip install "django-sync-cable[daphne]"'


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 <= found <= LONGEST_DRAIN:
        raise ArgumentTypeError(f"{text!r}: expected seconds, from 0 to {LONGEST_DRAIN:g}")
    return found


class Command(BaseCommand):
    help = "Serves the project and the cable on daphne, for production."
    # handle() runs them: with a message of our own, and before the server listens.
    requires_system_checks = ()
    # The logger of HTTP requests.
    access_logger = LOGGER
    # Whether a line on stdout says where it listens. The log has it too, if the project's LOGGING does.
    announces = True

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--bind", default="127.0.0.1:8000", metavar="HOST:PORT", help="address (%(default)s)"
        )
        parser.add_argument(
            "--drain",
            type=_seconds,
            metavar="SECONDS",
            help='seconds over which a shutdown disconnects its clients (CABLE["SERVER"]["DRAIN_SECONDS"])',
        )
        parser.add_argument(
            "--cable-only",
            action="store_true",
            help="serve only the cable and its health checks, beside processes that serve HTTP",
        )
        parser.add_argument(
            "--path", default="/cable", metavar="/PATH", help="of the cable with --cable-only (%(default)s)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if find_spec("daphne") is None:
            raise CommandError(DAPHNE_IS_MISSING)
        serious = [message for message in run_checks() if message.is_serious()]
        if serious:
            raise CommandError("\n".join(str(message) for message in serious))
        application = _cable_alone(options["path"]) if options["cable_only"] else _project()
        watch_database()
        self._serve(application, options["bind"], options["drain"])

    def _serve(self, application: Any, bind: str, drain: float | None) -> None:
        # daphne installs its reactor when it is imported: not before it is needed.
        from ...server.server import CannotListen, serve
        from ...server.threads import bounded_http

        try:
            serve(
                bounded_http(application),
                bind=bind,
                drain_seconds=server_settings().drain_seconds if drain is None else drain,
                access_logger=self.access_logger,
                on_listening=lambda: self._announce(bind),
            )
        except (CannotListen, ValueError) as exc:
            raise CommandError(f"--bind {bind:.200}: {exc}") from exc

    def _announce(self, bind: str) -> None:
        if self.announces:
            self.stdout.write(f"listening on {bind}; Ctrl-C stops it")
            self.stdout.flush()


def _cable_alone(path: str) -> Any:
    from ...routing import cable_only_application

    if not path.startswith("/") or "?" in path or "#" in path:
        raise CommandError(f"--path {path:.200}: expected a path such as /cable")
    bare = path.rstrip("/")
    return cable_only_application([bare, f"{bare}/"])


def _project() -> Any:
    path = getattr(settings, "ASGI_APPLICATION", None)
    if not path:
        raise CommandError(
            "settings.ASGI_APPLICATION is not set: expected a path such as mysite.asgi.application "
            "(--cable-only serves the cable without it)"
        )
    try:
        found = import_string(path)
    except ImportError as exc:
        raise CommandError(f"settings.ASGI_APPLICATION is {path!r}: {exc}") from exc
    if isinstance(found, ASGIHandler):
        raise CommandError(
            f"settings.ASGI_APPLICATION is {path!r}, which answers HTTP only: expected a ProtocolTypeRouter "
            'with cable_application() for "websocket" (--cable-only serves the cable without it)'
        )
    return found

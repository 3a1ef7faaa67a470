import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

if TYPE_CHECKING:
    from ...operations.probe import Probe, Step

VERDICTS = {True: ("ok    ", "SUCCESS"), None: ("skip  ", "WARNING"), False: ("FAILED", "ERROR")}
WEBSOCKETS_IS_MISSING = 'websockets is not installed: pip install "django-sync-cable[check]"'


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not (name.strip() and colon and value.strip()) or not text.isprintable():
        # Without the value: it may be a secret.
        raise ArgumentTypeError("expected NAME: VALUE, such as 'Cookie: sessionid=…'")
    return name.strip(), value.strip()


class Command(BaseCommand):
    help = "Tests the path of a notification as a client of a running server. Writes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--url", default="ws://127.0.0.1:8000/cable", help="the cable to connect to (%(default)s)"
        )
        parser.add_argument("--user", metavar="NAME", help=self.help_of_user)
        parser.add_argument(
            "--header",
            type=_header,
            action="append",
            default=[],
            metavar="'NAME: VALUE'",
            help="log in with this header, as a client does, instead of a ticket",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    help_of_user = "connect as this user (name or primary key) instead of anonymously"

    def handle(self, *args: Any, url: str, user: str | None, **options: Any) -> None:
        if find_spec("websockets") is None:
            raise CommandError(WEBSOCKETS_IS_MISSING)
        steps = []
        with self.probe(url, user, dict(options["header"])) as probe:
            for step in probe.steps():
                steps.append(step)
                if not options["json"]:
                    self._write(step)
        if options["json"]:
            ok = all(step.ok is not False for step in steps)
            self.stdout.write(json.dumps({"ok": ok, "steps": [step._asdict() for step in steps]}))
        if steps[-1].ok is False:
            sys.exit(1)

    def probe(self, url: str, user: str | None, headers: Mapping[str, str]) -> "Probe":
        # Imported here, because it needs websockets.
        from ...operations.probe import Probe

        return Probe(url, user, headers)

    def _write(self, step: "Step") -> None:
        verdict, style = VERDICTS[step.ok]
        shown = getattr(self.style, style)(verdict)
        self.stdout.write(f"{shown} {step.name:<9} {step.milliseconds:>8.1f} ms  {step.detail}")
        if step.hint:
            self.stdout.write(f"       look at: {step.hint}")
        self.stdout.flush()

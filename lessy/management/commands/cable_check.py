import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from lessy.probe import Probe, Step


class Command(BaseCommand):
    help = "Goes the whole way as a client of a running server, and says what works and how fast."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="ws://127.0.0.1:8000/cable", help="%(default)s")
        parser.add_argument("--user", metavar="NAME", help="of this user, instead of a scratch one")
        parser.add_argument("--json", action="store_true", help="as one JSON object")

    def handle(self, *args: Any, url: str, user: str | None, **options: Any) -> None:
        steps = []
        with Probe(url, user) as probe:
            for step in probe.steps():
                steps.append(step)
                if not options["json"]:
                    self._write(step)
        if options["json"]:
            ok = all(step.ok for step in steps)
            self.stdout.write(json.dumps({"ok": ok, "steps": [step._asdict() for step in steps]}))
        if not steps[-1].ok:
            sys.exit(1)

    def _write(self, step: Step) -> None:
        verdict = self.style.SUCCESS("ok    ") if step.ok else self.style.ERROR("FAILED")
        self.stdout.write(f"{verdict} {step.name:<9} {step.milliseconds:>8.1f} ms  {step.detail}")
        if step.hint:
            self.stdout.write(f"       look at: {step.hint}")
        self.stdout.flush()

import asyncio
import json
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from ...broker.layers import is_local
from ...operations.inquiry import (
    ANSWER_SECONDS,
    Answer,
    BrokerAway,
    ask_processes,
    nobody_answered,
    totals,
)
from ...operations.terminal import CableCommand, seconds
from ...operations.users import names_of

COLUMNS = (
    "process",
    "up",
    "sockets",
    "extended",
    "events",
    "subscriptions",
    "deliveries",
    "caught up",
    "p99",
    "broker",
)
USERS = 10


class Command(CableCommand):
    help = "Shows the connections and counters of every process, asked through the broker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--wait",
            type=seconds,
            default=ANSWER_SECONDS,
            metavar="SECONDS",
            help="wait this long for the processes to answer (%(default)g)",
        )

    def run(self, *, wait: float, **options: Any) -> None:  # type: ignore[override]
        if is_local():
            raise CommandError(
                "the in-memory layer reaches no other process: see the page Cable of the server's admin"
            )
        try:
            answers = asyncio.run(ask_processes(seconds=wait))
        except BrokerAway as exc:
            raise CommandError(str(exc)) from exc
        if not answers:
            raise CommandError(nobody_answered(wait))
        if options["json"]:
            self.stdout.write(json.dumps({"processes": answers, "totals": totals(answers)}))
        else:
            self._write(answers)

    def _write(self, answers: list[Answer]) -> None:
        total = totals(answers)
        rows = [COLUMNS, *(_row(answer) for answer in answers)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            words = [word.rjust(width) for word, width in zip(row, widths, strict=True)]
            self.stdout.write("  ".join([row[0].ljust(widths[0]), *words[1:]]))
        sums = ", ".join(f"{total[name]} {name}" for name in ("connections", "subscriptions", "deliveries"))
        self.stdout.write(f"\n{len(answers)} processes, {sums}")
        names = names_of(user for user, _ in total["by_user"][:USERS])
        for user, sockets in total["by_user"][:USERS]:
            self.stdout.write(f"  {names.get(user, user)}: {sockets}")
        for name, count in sorted(total["counts"].items()):
            self.stdout.write(f"  {name}: {count}")


def _row(answer: Answer) -> tuple[str, ...]:
    broker = "draining" if answer["draining"] else "healthy" if answer["broker"] else "away"
    return (
        answer["process"],
        _duration(time.time() - answer["started_at"]),
        *(str(answer[name]) for name in ("connections", "extended", "events", "subscriptions", "deliveries")),
        str(answer["counts"].get("caught_up", 0)),
        "–" if answer["p99_ms"] is None else f"{answer['p99_ms']:g} ms",
        broker,
    )


def _duration(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"

"""Commands that write a document made from settings: to stdout or a file, or compare it with one."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError


class DocumentCommand(BaseCommand):
    """A subclass overrides document(), which gets the options of handle()."""

    # The document can be made before there is a Redis or a migrated database; it checks itself what it needs.
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        where = parser.add_mutually_exclusive_group()
        where.add_argument("--output", type=Path, metavar="FILE", help="write it there instead of to stdout")
        where.add_argument(
            "--check", type=Path, metavar="FILE", help="write nothing; exit 1 if the file is not the same"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            text = self.document(**options)
        except ImproperlyConfigured as exc:
            raise CommandError(str(exc)) from exc
        try:
            self._put(text, options["output"], options["check"])
        except OSError as exc:
            raise CommandError(f"{exc.filename}: {exc.strerror}") from exc

    def document(self, **options: Any) -> str:
        raise NotImplementedError

    def _put(self, text: str, output: Path | None, check: Path | None) -> None:
        if check is not None:
            self._compare(text.encode(), check)
        elif output is not None:
            output.write_bytes(text.encode())
        else:
            self.stdout.write(text, ending="")

    def _compare(self, wanted: bytes, file: Path) -> None:
        with file.open("rb") as found:
            # One byte more than expected: the rest of another file need not be read.
            if found.read(len(wanted) + 1) != wanted:
                raise CommandError(f"{file} is not what settings.CABLE says: write it with --output {file}")

from argparse import ArgumentParser
from typing import Any

from ...contract.documents import DocumentCommand
from ...contract.typescript import typescript


class Command(DocumentCommand):
    help = "Writes the types of what the cable announces, for clients: actions, ids and fields."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        language = parser.add_mutually_exclusive_group(required=True)
        language.add_argument("--typescript", action="store_true", help="as a module of TypeScript")

    def document(self, **options: Any) -> str:
        return typescript()

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from ...contract.asyncapi import asyncapi
from ...contract.documents import DocumentCommand


class Command(DocumentCommand):
    help = "Writes an AsyncAPI 3 document, as JSON, with the schema of every frame of the cable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        project = settings.ROOT_URLCONF.partition(".")[0]
        parser.add_argument("--title", default=f"The cable of {project}", help="default: %(default)s")
        parser.add_argument("--api-version", default="1.0.0", metavar="VERSION", help="default: %(default)s")
        parser.add_argument("--host", default="", help="where it is served: example.com; default: not said")
        parser.add_argument("--path", default="/cable", help="default: %(default)s")

    def document(self, **options: Any) -> str:
        return asyncapi(
            title=options["title"],
            version=options["api_version"],
            host=options["host"],
            path=options["path"],
        )

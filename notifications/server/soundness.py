"""
The system checks of CABLE["SERVER"]. Its numbers are checked with those of the other settings.
"""

import re
from collections.abc import Iterator

from django.core.checks import CheckMessage, Error
from django.utils.module_loading import import_string

from ..conf import ServerSettings, server_settings


def check_server() -> list[CheckMessage]:
    return [
        Error(f"settings.CABLE['SERVER'][{key!r}] {fault}", hint=hint, id="sync_cable.E024")
        for key, fault, hint in _faults_of_server(server_settings())
    ]


def _faults_of_server(found: ServerSettings) -> Iterator[tuple[str, str, str]]:
    """Key, what is wrong, hint."""
    if not isinstance(found.name, str) or not re.fullmatch(r"[!-~ ]{0,100}", found.name):
        yield "NAME", f"is {found.name!r:.80}: expected up to 100 ASCII characters", 'A header: "Server".'
    for path in found.operators_paths:
        if not isinstance(path, str) or not path.startswith("/"):
            yield "OPERATORS_PATHS", f"holds {path!r:.80}: expected paths", "Such as /health/ready."
    if found.error_body:
        hint = "The path of a function: it is given a code, such as content_too_large, and returns bytes."
        try:
            made = import_string(found.error_body)
        except (ImportError, AttributeError) as exc:
            yield "ERROR_BODY", f"is {found.error_body!r:.80}: {exc}", hint
        else:
            if not callable(made):
                yield "ERROR_BODY", f"is {found.error_body!r:.80}, which is not a function", hint

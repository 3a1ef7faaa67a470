#!/usr/bin/env python
"""
The developer's door: DEBUG is on, unless the environment says how the project is to run.

`manage.py serve` (or cable_serve) is the operator's: it never turns DEBUG on.
"""

import os
import sys

# As shells report what Ctrl-C ended.
INTERRUPTED = 130


def open_developers_door(argv: list[str]) -> None:
    configured = {"DJANGO_DEBUG", "DJANGO_SECRET_KEY"} & os.environ.keys()
    if not configured and argv[1:2] not in (["serve"], ["cable_serve"]):
        os.environ["DJANGO_DEBUG"] = "on"


def asks_for_help(argv: list[str]) -> bool:
    """Then nothing runs, and the settings need not be right. What follows -- is for another program."""
    words = argv[1 : argv.index("--")] if "--" in argv else argv[1:]
    return words[:1] in ([], ["help"], ["version"]) or not {"-h", "--help", "--version"}.isdisjoint(words)


def main() -> None:
    open_developers_door(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lessy.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError

    if asks_for_help(sys.argv):
        from lessy.ground import faults

        faults.tolerate()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        sys.exit(f"{exc}")
    except DatabaseError as exc:
        if "--traceback" in sys.argv:
            raise
        reason = " ".join(str(exc).split())
        sys.exit(f"the database refuses or does not answer: {reason} (DATABASE_URL, manage.py migrate)")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()

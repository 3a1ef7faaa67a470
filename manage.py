#!/usr/bin/env python
"""
The developer's door: DEBUG is on, unless the environment says how the project is to run.

`manage.py serve` is the operator's: it never turns DEBUG on.
"""

import os
import sys


def open_developers_door(argv: list[str]) -> None:
    configured = {"DJANGO_DEBUG", "DJANGO_SECRET_KEY"} & os.environ.keys()
    if not configured and argv[1:2] != ["serve"]:
        os.environ["DJANGO_DEBUG"] = "on"


def main() -> None:
    open_developers_door(sys.argv)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lessy.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    if sys.argv[1:2] == ["serve"] and sys.platform == "linux":
        from lessy import loop

        # Before Django loads daphne, which makes itself a loop.
        loop.install()
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as exc:
        sys.exit(f"{exc}")


if __name__ == "__main__":
    main()

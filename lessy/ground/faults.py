"""
Faults in environment variables, collected while settings.py reads them and reported all at once: otherwise
an operator would need one start per wrong variable.

Each message names its variable. It never shows a value that may contain a secret (a URL, a key, a token).
"""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")

# Variables with these prefixes are Lessy's: one that the settings do not read is misspelt.
OURS = ("CABLE_", "LESSY_", "SERVER_")
# Names that others set with our prefixes: Kubernetes, for a service of such a name, and CGI servers.
_FOREIGN = re.compile(
    r"(LESSY|CABLE|SERVER)_(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)"
    r"|SERVER_(NAME|ADDR|ADMIN|PROTOCOL|SIGNATURE|SOFTWARE)"
)
# Read by the tests, the benchmarks and compose.yaml. They may be set while the settings are read.
OF_THE_TESTS = {
    "LESSY_FAULTS",
    "LESSY_HOST",
    "LESSY_LOADS",
    "LESSY_PICTURES",
    "LESSY_RANDOM_TEAMS",
    "LESSY_RANDOM_TRANSACTIONS",
    "LESSY_REQUIRE",
    "LESSY_SCHEMA_EXAMPLES",
    "LESSY_SILENCE_SECONDS",
    "LESSY_SOAK",
}
OF_A_TEST = "LESSY_TEST_"
_SHOWN_CHARACTERS = 40

_faults: list[str] = []
_known: set[str] = set()
_tolerated = False


def know(name: str) -> None:
    """Registers that a variable of this name exists."""
    _known.add(name)


def fault(sentence: str, stand_in: T) -> T:
    """Records the message. The settings continue with the stand-in value, until report() raises."""
    _faults.append(sentence)
    return stand_in


def shown(raw: str) -> str:
    """A value for a message: quoted, and truncated. Not for values that may contain a secret."""
    return repr(raw if len(raw) <= _SHOWN_CHARACTERS else f"{raw[:_SHOWN_CHARACTERS]}…")


def tolerate() -> None:
    """For `--help`, which imports the settings but works with invalid ones."""
    global _tolerated
    _tolerated = True


def report(variables: Mapping[str, str] = os.environ) -> None:
    """
    Call it after every variable has been read. Raises ImproperlyConfigured with a line for each fault; a
    variable that nothing reads is one.
    """
    found = [*_faults, *_unknown(variables)]
    _faults.clear()
    if found and not _tolerated:
        raise ImproperlyConfigured("\n".join(found))


def _unknown(variables: Mapping[str, str]) -> list[str]:
    known = _known | OF_THE_TESTS
    return [
        f"{name} is not a variable of this project{_suggestion(name.upper())}"
        for name in sorted(set(variables) - known)
        if _is_meant_for_us(name.upper()) and not _FOREIGN.fullmatch(name.upper())
    ]


def _is_meant_for_us(name: str) -> bool:
    if name.startswith(OURS):
        return not name.startswith(OF_A_TEST)
    # Django and its packages have variables of their own: only a name close to one of ours is a typo.
    return name.startswith("DJANGO_") and bool(get_close_matches(name, _known, 1, cutoff=0.9))


def _suggestion(name: str) -> str:
    near = get_close_matches(name, _known, 1, cutoff=0.75)
    return f": did you mean {near[0]}?" if near else " (docs/operations.md lists them)"

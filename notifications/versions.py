"""
System checks of the versions of other packages; docs/supported-versions.md gives the reason for each.

Version numbers are tuples of their numbers: (5, 2, 14).
"""

import re
from collections.abc import Sequence
from importlib import metadata
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.checks import Warning as Caution

from .ground.test_run import stops_no_tests

Release = tuple[int, ...]

# Below these the cable does not work, or loses messages. pip requires them as well, unless that is
# overridden.
REQUIRED: dict[str, Release] = {
    "channels": (4, 2, 2),
    "channels-redis": (4, 2),
    "daphne": (4, 2, 2),
    "Django": (5, 2),
    "redis": (4, 6),
}
# For each series of Django, the first release without the known faults of its ASGI handler.
PATCHED: dict[Release, Release] = {(5, 2): (5, 2, 14), (6, 0): (6, 0, 5)}


@register(Tags.compatibility)
@stops_no_tests
def check_versions(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    installed = {name: _installed(name) for name in REQUIRED}
    found = [
        _too_old(name, version, REQUIRED[name])
        for name, version in installed.items()
        if version is not None and release_of(version) < REQUIRED[name]
    ]
    return [*found, *_check_django(installed["Django"])]


def _installed(name: str) -> str | None:
    """None if it is not installed: the cable also runs on other servers, and without Redis."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def release_of(version: str) -> Release:
    return tuple(int(part) for part in re.match(r"\d+(\.\d+)*", version)[0].split("."))  # type: ignore[index]


def _too_old(name: str, version: str, required: Release) -> CheckMessage:
    return Error(
        f"{name} {version} is installed: the cable needs {_text(required)} or later",
        hint=f"pip install --upgrade {name}",
        id="sync_cable.E009",
    )


def _check_django(version: str | None) -> list[CheckMessage]:
    if version is None:  # Such as one that was not installed by pip.
        return []
    release = release_of(version)
    patched = PATCHED.get(release[:2])
    if patched is None or release >= patched:
        return []
    return [
        Caution(
            f"Django {version} has known vulnerabilities in its ASGI handler: {_text(patched)} has not",
            hint=f"pip install --upgrade 'Django~={_text(patched)}'",
            id="sync_cable.W009",
        )
    ]


def _text(release: Release) -> str:
    return ".".join(map(str, release))

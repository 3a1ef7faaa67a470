"""
The path of a request, below the prefix of the site.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings


def path_below_the_root(scope: Mapping[str, Any]) -> str:
    """The path that Django matches its URLs with."""
    root, path = root_of(scope), str(scope["path"])
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def root_of(scope: Mapping[str, Any]) -> str:
    """The prefix of the site, without the last slash; "" if there is none."""
    return str(settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")).rstrip("/")

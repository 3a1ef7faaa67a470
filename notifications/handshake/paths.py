"""
Where a request is, below the prefix of the site.
"""

from collections.abc import Mapping
from typing import Any

from django.conf import settings


def path_below_the_root(scope: Mapping[str, Any]) -> str:
    """As Django finds the path that its URLs are matched with."""
    root, path = root_of(scope), str(scope["path"])
    return path.removeprefix(root) if path.startswith(f"{root}/") else path


def root_of(scope: Mapping[str, Any]) -> str:
    """Of a site below a prefix, without the last slash; "" of any other."""
    return str(settings.FORCE_SCRIPT_NAME or scope.get("root_path", "")).rstrip("/")

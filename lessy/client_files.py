"""
Which files of LESSY_CLIENT_DIR are served: those of the build. Hidden files (.env, .git) are not, except
/.well-known, which is public by its purpose; nor are symbolic links that lead out of the folder.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import FileSystemFinder
from django.contrib.staticfiles.utils import matches_patterns
from whitenoise.middleware import WhiteNoiseMiddleware

WELL_KNOWN = ".well-known"
# IndexView serves this page, so that its headers are the same on every path of the client.
PAGE = "index.html"


def is_public(path: str, root: Path) -> bool:
    """path: a file or folder below root. root: absolute, with symbolic links resolved."""
    parts = Path(path).relative_to(root).parts
    hidden = any(part.startswith(".") and part != WELL_KNOWN for part in parts)
    return not hidden and Path(path).resolve().is_relative_to(root)


def public_files(
    folder: str, root: Path, above: tuple[str, ...] = ()
) -> Iterator[tuple[str, os.stat_result]]:
    """Path and os.stat() of each file. A folder that contains a symbolic link to itself is entered once."""
    real = os.path.realpath(folder)
    if real in above:
        return
    for entry in os.scandir(folder):
        if not is_public(entry.path, root):
            continue
        if entry.is_dir():
            yield from public_files(entry.path, root, (*above, real))
        elif entry.is_file():
            yield entry.path, entry.stat()


def _client() -> Path | None:
    found: Path | None = settings.LESSY_CLIENT_DIR
    return found


class ClientFiles(WhiteNoiseMiddleware):
    """WhiteNoise, restricted to public files: WhiteNoise alone serves everything that it finds."""

    def update_files_dictionary(self, root: str, prefix: str) -> None:
        client = _client()
        if client is None or Path(root) != client:
            super().update_files_dictionary(root, prefix)
            return
        found = dict(public_files(os.fspath(client), client))
        found.pop(os.fspath(client / PAGE), None)
        for path in found:
            self.add_file_to_dictionary(prefix + path[len(root) :], path, stat_cache=found)

    def candidate_paths_for_url(self, url: str) -> Iterator[str]:
        """Used in DEBUG, where WhiteNoise looks up each file per request."""
        client = _client()
        for path in super().candidate_paths_for_url(url):
            below = client is not None and Path(path).is_relative_to(client)
            if client is None or not below or (is_public(path, client) and Path(path) != client / PAGE):
                yield path


class ClientFinder(FileSystemFinder):
    """Finds files in the client's folder `static`, for runserver and for WhiteNoise."""

    def find_location(self, root: Any, path: str, prefix: str | None = None) -> str | None:
        found = super().find_location(root, path, prefix)
        client = _client()
        return found if found is None or client is None or is_public(found, client) else None

    def list(self, ignore_patterns: Any) -> Iterator[tuple[str, Any]]:
        """Replaces Django's, which follows a symbolic link from a folder to itself endlessly."""
        client = _client()
        if client is None:
            yield from super().list(ignore_patterns)
            return
        for _, root in self.locations:
            for path, _ in public_files(os.fspath(root), client):
                name = os.path.relpath(path, root)
                if not matches_patterns(name, ignore_patterns or []):
                    yield name, self.storages[root]

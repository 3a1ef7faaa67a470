from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

from lessy.web import libraries
from lessy.web.libraries import library_files, own_files


class LibrariesFinder(BaseFinder):
    """
    Finds the modules of the cable's JavaScript clients, in node_modules and in this repository, and no other
    files.
    """

    def find(self, path: str, find_all: bool = False, **options: Any) -> Any:
        found = [
            str(folder / name)
            for folder, prefix, files in _places()
            for name in files()
            if f"{prefix}/{name}" == path
        ]
        return found if find_all or not found else found[0]

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        for folder, prefix, files in _places():
            storage = FileSystemStorage(location=folder)
            storage.prefix = prefix  # type: ignore[attr-defined] # read by collectstatic and WhiteNoise
            for name in files():
                yield name, storage


def _places() -> Iterator[tuple[Path, str, Callable[[], Iterator[str]]]]:
    """Each folder, the prefix of its static URLs, and a function that lists its files."""
    yield libraries.FOLDER, libraries.PREFIX, library_files
    yield libraries.OWN_FOLDER, libraries.OWN_PREFIX, own_files

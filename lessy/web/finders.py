from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

from lessy.web import libraries
from lessy.web.libraries import library_files, own_files


class LibrariesFinder(BaseFinder):
    """
    Serves and collects the modules of the cable's clients, and nothing else: those in node_modules, and our
    own.
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
            storage.prefix = prefix  # type: ignore[attr-defined] # where collectstatic and WhiteNoise look
            for name in files():
                yield name, storage


def _places() -> Iterator[tuple[Path, str, Callable[[], Iterator[str]]]]:
    """The folder, what its static URLs begin with, and the files of it."""
    yield libraries.FOLDER, libraries.PREFIX, library_files
    yield libraries.OWN_FOLDER, libraries.OWN_PREFIX, own_files

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.staticfiles.finders import BaseFinder
from django.core.files.storage import FileSystemStorage, Storage

from lessy.web.libraries import FOLDER, PREFIX, library_files


class LibrariesFinder(BaseFinder):
    """Serves and collects of node_modules the modules of the cable's clients, and nothing else."""

    def find(self, path: str, find_all: bool = False, **options: Any) -> Any:
        found = [str(FOLDER / name) for name in library_files() if f"{PREFIX}/{name}" == path]
        return found if find_all or not found else found[0]

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:
        storage = FileSystemStorage(location=FOLDER)
        storage.prefix = PREFIX  # type: ignore[attr-defined] # where collectstatic and WhiteNoise look
        for name in library_files():
            yield name, storage

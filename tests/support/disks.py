"""A small file system that a test can fill and make read-only."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.required import missing

MEBIBYTE = 1024 * 1024


class Disk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """To the last byte."""
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"\0" * 4096)
            except OSError:
                return

    def free(self) -> None:
        (self.folder / "filler").unlink()

    def make_read_only(self, read_only: bool) -> None:
        """Fails while a file is open for writing."""
        _run("mount", "-o", f"remount,{'ro' if read_only else 'rw'}", str(self.folder))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@contextmanager
def small_disk(size: int = 8 * MEBIBYTE) -> Iterator[Disk]:
    with tempfile.TemporaryDirectory(prefix="lessy-disk-") as folder:
        try:
            _run("mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder)
        except (OSError, subprocess.CalledProcessError):
            missing(f"the right to mount (uid {os.geteuid()})")
        try:
            yield Disk(Path(folder))
        finally:
            _run("umount", "--lazy", folder)

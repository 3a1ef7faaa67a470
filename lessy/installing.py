"""
Installs a requirements file with pip and shows the progress: pip alone is either silent for a minute or
prints a hundred lines.

    python -m lessy.installing requirements.txt
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import TextIO

PIP = [
    *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check"),
    *("--progress-bar", "off", "--no-color", "-r"),
]
_NAMED = re.compile(r"(?:Collecting|Requirement already satisfied:) ([\w.\[\]-]+)")
# Packages per progress line, when the output is not a terminal.
EACH = 10


def install(requirements: Path, out: TextIO) -> int:
    """Returns pip's exit status. If pip fails, its output is written to `out`."""
    total = len(re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?\s*[=@]", requirements.read_text(), re.MULTILINE))
    progress = Progress(total, out)
    said = []
    with subprocess.Popen(  # noqa: S603 what make names
        [*PIP, str(requirements)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None  # noqa: S101 for mypy
        for line in pip.stdout:
            said.append(line)
            progress.read(line)
    progress.end(failed=pip.returncode != 0)
    if pip.returncode:
        out.writelines(said)
    return pip.returncode


class Progress:
    """On a terminal one line, updated in place; otherwise a line per EACH packages."""

    def __init__(self, total: int, out: TextIO) -> None:
        self._total = total
        self._out = out
        self._count = 0
        self._show(f"Installing {total} Python packages (once, one or two minutes)", always=True)

    def read(self, line: str) -> None:
        """line: of pip's output."""
        if found := _NAMED.match(line.strip()):
            self._count += 1
            self._show(f"{self._count} of {max(self._total, self._count)} Python packages: {found[1]}")
        elif line.startswith("Installing collected packages"):
            self._show("All downloaded. Unpacking them", always=True)

    def end(self, *, failed: bool) -> None:
        self._show("pip failed:" if failed else "Python packages installed.", always=True)
        if self._out.isatty():
            self._out.write("\n")

    def _show(self, text: str, *, always: bool = False) -> None:
        if self._out.isatty():
            self._out.write(f"\r\x1b[K{text}")
        elif always or self._count % EACH == 0:
            self._out.write(f"{text}\n")
        self._out.flush()


if __name__ == "__main__":
    sys.exit(install(Path(sys.argv[1]), sys.stdout))

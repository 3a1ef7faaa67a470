"""
The tests of the cable, with other versions of Python, Django and whatever else it requires; each in a virtual
environment of its own, in .versions/, which is made again when what it holds has to change:

    python -m tests.versions                  every pair of Python and Django that can be had here
    python -m tests.versions lowest newest    what .ci/run tries

lowest: the oldest Python, and the lowest version of each dependency in pyproject.toml. All others are as in
requirements.txt, but for Django. What cannot be had is named, and is no failure.
"""

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.portable import portable

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".versions"
TESTS = (
    "tests/notifications",
    "tests/end_to_end/test_commands.py",
    "tests/plugged",
    "tests/packaging/test_wheel.py",
    "tests/packaging/test_projects.py",
)

# The Pythons that each Django runs on, and the cable is meant for.
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
DJANGOS: Mapping[str, Sequence[str]] = {"5.2": PYTHONS, "6.0": PYTHONS[1:], "6.1": PYTHONS[1:]}
# What the lowest Django requires, so that this is the lowest that can be.
BELOW = ("asgiref==3.8.1",)


@dataclass(frozen=True)
class Run:
    python: str
    django: str
    lowest: bool = False

    def __str__(self) -> str:
        lowest = ", lowest dependencies" if self.lowest else ""
        return f"Python {self.python}, Django {self.django}{lowest}"

    @property
    def folder(self) -> Path:
        return ENVIRONMENTS / f"{self.python}-{self.django}{'-lowest' if self.lowest else ''}"


# What requirements.txt has, and `make test` runs.
PINNED = Run(PYTHONS[0], "5.2")


def interpreters() -> dict[str, Path]:
    """By version: of pyenv, on PATH, or from a registry."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in PYTHONS:
        candidates = [
            *sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True),
            Path(shutil.which(f"python{version}") or ""),
        ]
        here = (path for path in candidates if path.is_file() and _runs(path, version))
        path = next(here, None) or portable(version, ENVIRONMENTS / f"python{version}")
        if path is not None:
            found[version] = path
    return found


def _runs(python: Path, version: str) -> bool:
    """A shim of pyenv stands for a version that may not be chosen."""
    code = f"import sys, venv, sqlite3, ssl; sys.exit(sys.version_info[:2] != {_tuple(version)})"
    return subprocess.run([python, "-c", code], capture_output=True, check=False).returncode == 0


def _tuple(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 a command


def every_run() -> list[Run]:
    pairs = [Run(python, django) for django, pythons in DJANGOS.items() for python in pythons]
    return [Run(PYTHONS[0], "5.2", lowest=True), *pairs]


def chosen(words: Sequence[str], available: Sequence[str]) -> list[Run]:
    """
    words: "lowest", and "newest" (that can be had with these Pythons, unless `make test` is that); none for
    every run.
    """
    runs = [run for run in every_run() if run.python in available]
    if not words:
        return runs
    newest = max(runs, key=lambda run: (_tuple(run.django), _tuple(run.python), not run.lowest))
    named = {"lowest": [run for run in runs if run.lowest], "newest": [newest] if newest != PINNED else []}
    return list(chain(*map(named.__getitem__, words)))


def requirements(run: Run) -> list[str]:
    """Of pip: everything that the tests need."""
    ours = lowest_dependencies() if run.lowest else [f"Django=={run.django}.*"]
    varied = {canonicalize_name(Requirement(line).name) for line in ours}
    pinned = [line.partition("#")[0].strip() for line in (ROOT / "requirements.txt").read_text().splitlines()]
    kept = [line for line in pinned if line and canonicalize_name(Requirement(line).name) not in varied]
    return [*ours, *kept]


def lowest_dependencies() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    # Two extras may want the same package.
    return [*dict.fromkeys(line.replace(">=", "==") for line in declared), *BELOW]


def prepare(run: Run, python: Path) -> None:
    stamp, wanted = run.folder / "installed", "\n".join(requirements(run))
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    shutil.rmtree(run.folder, ignore_errors=True)
    # With the pip of this environment: not every Python brings one. Tests of the wheel want one there, too.
    subprocess.run([python, "-m", "venv", "--without-pip", run.folder], check=True)
    listed = run.folder / "requirements.txt"
    listed.write_text(wanted)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", run.folder / "bin/python"]
    subprocess.run([*pip, "install", "--quiet", "pip", "-r", listed], check=True)
    stamp.write_text(wanted)


def test(run: Run) -> tuple[int, str]:
    """The exit status, and what pytest said."""
    command = [run.folder / "bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def main(words: Sequence[str]) -> int:
    found = interpreters()
    runs = chosen(words, list(found))
    for run in every_run():
        if not words and run not in runs:
            _say(f"NOT TRIED: {run}: no Python {run.python} here")
    for run in runs:
        _say(f"installing: {run}")
        prepare(run, found[run.python])
    failed = 0
    with ThreadPoolExecutor(2) as threads:
        for run, (status, said) in zip(runs, threads.map(test, runs), strict=True):
            failed |= status
            _say(f"== {run}: {said if status else said.splitlines()[-1]}")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

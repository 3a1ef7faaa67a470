"""The wheel of this repository, built and installed by the real pip: the cable as its users install it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tests.support.site import ROOT

# The files outside `notifications` that the build needs.
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
# All requirements are installed in the environment of the tests.
OFFLINE = ("--no-index", "--no-deps")
CONFIGURED = ("DJANGO_", "REDIS_", "DATABASE_", "CABLE_", "LESSY_", "PYTHONPATH")


def run(*words: object, **options: object) -> str:
    """Returns what the command prints. Raises AssertionError with that text if it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout + done.stderr).strip()


def pip(*words: object) -> str:
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", *words)


def copy_of_the_source(folder: Path) -> Path:
    """A copy, because setuptools writes files next to the source, and tests must not leave any."""
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "notifications", source / "notifications", ignore=ignored)
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    return source


def build(folder: Path) -> Path:
    """Builds the wheel in this folder."""
    source = copy_of_the_source(folder)
    pip("wheel", "--quiet", *OFFLINE, "--no-build-isolation", "--wheel-dir", folder, source)
    [found] = folder.glob("*.whl")
    return found


def install(wheel: Path, folder: Path) -> Path:
    """Installs only the wheel in this folder, which is returned for PYTHONPATH."""
    pip("install", "--quiet", *OFFLINE, "--target", folder, wheel)
    return folder


def virtual_environment(folder: Path) -> Path:
    """Returns its Python. It finds the packages of this environment too, after those installed in its own."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    purelib = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (purelib / "installed_here.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin/python"


def environment(*paths: Path, **more: str) -> Mapping[str, str]:
    """Environment variables of a process that finds nothing of this repository except on these paths."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURED)}
    return inherited | {"PYTHONPATH": os.pathsep.join(map(str, paths))} | more

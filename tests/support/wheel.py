"""The wheel of this repository, built and installed by the real pip: the cable as strangers get it."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from tests.support.site import ROOT

# What is in this repository only for building it.
SOURCES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
# Everything that is needed is installed where the tests run.
OFFLINE = ("--no-index", "--no-deps")
CONFIGURED = ("DJANGO_", "REDIS_", "DATABASE_", "CABLE_", "LESSY_", "PYTHONPATH")


def run(*words: object, **options: object) -> str:
    """What it says. Raises AssertionError, with everything that it printed, when it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout + done.stderr).strip()


def pip(*words: object) -> str:
    return run(sys.executable, "-m", "pip", "--disable-pip-version-check", *words)


def copy_of_the_source(folder: Path) -> Path:
    """Setuptools writes beside what it builds, and a test leaves no traces."""
    source = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "notifications", source / "notifications", ignore=ignored)
    for name in SOURCES:
        shutil.copy(ROOT / name, source)
    return source


def build(folder: Path) -> Path:
    """The wheel, in this folder."""
    source = copy_of_the_source(folder)
    pip("wheel", "--quiet", *OFFLINE, "--no-build-isolation", "--wheel-dir", folder, source)
    [found] = folder.glob("*.whl")
    return found


def install(wheel: Path, folder: Path) -> Path:
    """For PYTHONPATH: a folder that has what the wheel installs, and nothing else."""
    pip("install", "--quiet", *OFFLINE, "--target", folder, wheel)
    return folder


def virtual_environment(folder: Path) -> Path:
    """Returns its Python, which also finds what is installed here; what is installed in it comes first."""
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    purelib = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (purelib / "installed_here.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin/python"


def environment(*paths: Path, **more: str) -> Mapping[str, str]:
    """Of a process that knows nothing of this repository, but for what is on these paths."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(CONFIGURED)}
    return inherited | {"PYTHONPATH": os.pathsep.join(map(str, paths))} | more

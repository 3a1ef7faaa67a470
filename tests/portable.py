"""
Pythons that neither Debian nor pyenv has here, as the Go module go-embed-python carries them (the builds of
python-build-standalone, for Linux on x86-64): the Go module proxy is a registry like any other.
"""

import gzip
import json
import platform
import shutil
import subprocess
from pathlib import Path

MODULES = {"3.14": "github.com/kluctl/go-embed-python@v0.0.0-3.14.6-20260610-1"}
# Within the module. Programs and libraries are compressed there; files.json lists links, which no zip has.
DATA = "python/internal/data/linux-amd64"
# Of Go's file modes.
DIRECTORY = 1 << 31
DOWNLOAD_SECONDS = 120


def portable(version: str, folder: Path) -> Path | None:
    """
    The interpreter, which is unpacked into this folder the first time. None where there is none for this
    version or machine, without `go`, and if the module cannot be had.
    """
    python = folder / f"bin/python{version}"
    if python.is_file():
        return python
    module = MODULES.get(version)
    machine = (platform.system(), platform.machine())
    if module is None or machine != ("Linux", "x86_64") or shutil.which("go") is None:
        return None
    command = ["go", "mod", "download", "-json", module]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=DOWNLOAD_SECONDS)
    except subprocess.SubprocessError:
        return None
    _unpack(Path(json.loads(done.stdout)["Dir"]) / DATA, folder)
    return python


def _unpack(data: Path, folder: Path) -> None:
    """Into a folder beside it first: what was interrupted is begun anew."""
    begun = folder.with_name(f"{folder.name}.begun")
    shutil.rmtree(begun, ignore_errors=True)
    for entry in json.loads((data / "files.json").read_text())["files"]:
        path = begun / entry["name"]
        if "symlink" in entry:
            path.symlink_to(entry["symlink"])
        elif entry["perm"] & DIRECTORY:
            path.mkdir(parents=True)
        else:
            path.write_bytes(_content(data / entry["name"]))
            path.chmod(entry["perm"] & 0o777)
    shutil.rmtree(folder, ignore_errors=True)
    begun.rename(folder)


def _content(path: Path) -> bytes:
    packed = path.with_name(f"{path.name}.gz")
    return gzip.decompress(packed.read_bytes()) if packed.is_file() else path.read_bytes()

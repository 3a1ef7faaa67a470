"""A Python out of a registry: unpacked once and whole, or none at all."""

import gzip
import json
import os
import shutil

import pytest

from tests.portable import DATA, DIRECTORY, portable

PROGRAM = b"#!/bin/sh\necho 3.14\n"
FILES = [
    {"name": "bin", "size": 0, "perm": DIRECTORY | 0o755},
    {"name": "bin/python3.14", "size": len(PROGRAM), "perm": 0o755},
    {"name": "bin/python3", "size": 10, "perm": 0, "symlink": "python3.14"},
    {"name": "lib", "size": 0, "perm": DIRECTORY | 0o755},
    {"name": "lib/empty", "size": 0, "perm": DIRECTORY | 0o755},
    {"name": "lib/read.me", "size": 2, "perm": 0o664},
]


@pytest.fixture
def go(tmp_path, monkeypatch):
    """A program of this name that has the module, or says that it has not; and counts."""
    data = tmp_path / "module" / DATA
    (data / "bin").mkdir(parents=True)
    (data / "lib").mkdir()
    (data / "bin/python3.14.gz").write_bytes(gzip.compress(PROGRAM))
    (data / "lib/read.me").write_bytes(b"hi")
    (data / "files.json").write_text(json.dumps({"files": FILES}))

    def install(status):
        program = tmp_path / "programs/go"
        program.parent.mkdir(exist_ok=True)
        answer = json.dumps({"Dir": str(tmp_path / "module")})
        program.write_text(f"#!/bin/sh\necho '{answer}'\necho >>{tmp_path}/asked\nexit {status}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")

    return install


def test_it_is_unpacked_once(go, tmp_path):
    go(0)
    for _ in range(2):
        python = portable("3.14", tmp_path / "python3.14")
    assert python.read_bytes() == PROGRAM
    assert os.access(python, os.X_OK)
    assert (tmp_path / "python3.14/bin/python3").resolve() == python
    assert (tmp_path / "python3.14/lib/empty").is_dir()
    assert len((tmp_path / "asked").read_text().splitlines()) == 1


def test_what_was_interrupted_is_begun_anew(go, tmp_path):
    go(0)
    (tmp_path / "python3.14.begun/bin").mkdir(parents=True)
    assert portable("3.14", tmp_path / "python3.14").read_bytes() == PROGRAM
    assert not (tmp_path / "python3.14.begun").exists()


def test_there_is_none_without_the_module(go, tmp_path):
    go(1)
    assert portable("3.14", tmp_path / "python3.14") is None


def test_there_is_none_of_another_version_and_none_without_go(tmp_path, monkeypatch):
    assert portable("3.15", tmp_path / "python3.15") is None
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert portable("3.14", tmp_path / "python3.14") is None
    assert list(tmp_path.iterdir()) == []

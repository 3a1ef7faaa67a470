"""
Our programs that run beside a server under test, each in a separate process.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from benchmarks.contenders import ROOT

# (row, version) -> time.
Times = dict[tuple[int, int], float]


class Generator:
    """Controls load.py through its standard input and output."""

    def __init__(self) -> None:
        self._process = _start("load", stdin=subprocess.PIPE)

    def __call__(self, command: str, **options: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"command": command, **options}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline() or '{"failed": true}')
        if "failed" in answer:
            raise RuntimeError("the load generator ended")
        return answer

    def close(self) -> None:
        self._process.communicate()


class Making:
    """A run of changes.py. times: when each change was committed. peak_bytes: peak memory of the process."""

    def __init__(
        self, publication: str, rate: float, seconds: float, people: str, env: Mapping[str, str]
    ) -> None:
        self.times: Times = {}
        self.peak_bytes = 0
        self._process = _start("changes", publication, str(rate), str(seconds), people, env=env)

    def finish(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as out:
            text = out.read()
        _, status, usage = os.wait4(self._process.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode:
            raise RuntimeError("changes.py failed")
        self.times = _times(text)
        self.peak_bytes = usage.ru_maxrss * 1024


class Ear:
    """A run of ear.py. times: when Redis delivered each change; set by close()."""

    def __init__(self, redis_url: str, publication: str) -> None:
        self.times: Times = {}
        self._process = _start("ear", redis_url, publication, stdin=subprocess.PIPE)
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("ear.py failed")

    def close(self) -> None:
        text, _ = self._process.communicate()
        self.times = _times(text)


def _start(name: str, *words: str, **options: Any) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", f"benchmarks.{name}", *words]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, **options)


def _times(text: str) -> Times:
    return {(row, version): at for row, version, at in json.loads(text)}

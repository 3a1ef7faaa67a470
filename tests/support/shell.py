"""
A `manage.py shell` that stays open: a separate process that changes rows, without a start for each change.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

_LOOP = """
import json, sys
from datetime import timedelta
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone
import {cable}
from {cable}.models import Epoch
from {cable}.broker.publisher import publisher
namespace = dict(globals())
for line in sys.stdin:
    code = json.loads(line)
    try:
        value = eval(compile(code, "<test>", "eval"), namespace)
    except SyntaxError:
        exec(compile(code, "<test>", "exec"), namespace)
        value = namespace.pop("result", None)
    except Exception as exc:
        print(json.dumps({"failed": repr(exc)}), flush=True)
        continue
    print(json.dumps({"value": value}, default=str), flush=True)
"""


def _loop(cable: str) -> str:
    return _LOOP.replace("{cable}", cable)


class Shell:
    """cable: its import name: `notifications` in this repository, `sync_cable` if the wheel is installed."""

    def __init__(
        self, command: list[str | Path], env: Mapping[str, str], *, cable: str = "notifications"
    ) -> None:
        self._process = subprocess.Popen(
            [*command, "shell", "--verbosity", "0", "-c", _loop(cable)],
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, code: str) -> Any:
        """The value of an expression, or of the variable `result` after statements; passed as JSON."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(code) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the shell ended over:\n{code}"
        answer = json.loads(line)
        assert "failed" not in answer, f"{answer['failed']} in:\n{code}"
        return answer["value"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """As at the end of a script, its notifications are flushed to Redis."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

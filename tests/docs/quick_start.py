"""
The quick start of docs/index.md, as written, in a clean clone: `make run`, and the line that it prints for a
terminal, which must hear of a task that is made with the demo login.

    python -m tests.docs.quick_start
"""

import json
import os
import re
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

import httpx

from tests.support.processes import answers, free_port
from tests.support.site import ROOT
from tests.support.waiting import eventually, within

INSTALL_SECONDS = 600


def first_command() -> list[str]:
    """Of the first block of shell on the page."""
    page = (ROOT / "docs" / "index.md").read_text()
    return shlex.split(page.partition("```sh\n")[2].partition("\n")[0])


def start(command: list[str], folder: Path, output: Path, **env: str) -> subprocess.Popen[bytes]:
    """In a session of its own, so that what it starts ends with it."""
    configured = ("DJANGO_", "REDIS_", "DATABASE_", "CABLE_", "LESSY_", "VIRTUAL_ENV")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(configured)}
    with output.open("wb") as file:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=inherited | env,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes]) -> None:
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


def log_in(url: str) -> dict[str, str]:
    """The headers of what the demo user asks."""
    login = httpx.post(
        f"{url}/api/users/authorizations", json={"username": "dalecooper", "password": "secret"}
    )
    return {"Authorization": login.json()["meta"]["token"]}


def make_a_task(url: str, headers: dict[str, str]) -> int:
    answer = httpx.post(f"{url}/api/users/me/tasks", json={"task": {"label": "buy tea"}}, headers=headers)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


def tasks_told(heard: Path) -> set[int]:
    """The ids of the tasks of which examples/subscribe.py printed that they were created."""
    told = [json.loads(line) for line in heard.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return {each["id"] for each in told if each.get("action") == "create#tasks"}


def hear(line: str, clone: Path, url: str) -> None:
    heard = clone.with_name("heard")
    listener = start(["sh", "-c", f"PYTHONUNBUFFERED=1 {line}"], clone, heard)
    try:
        # It prints nothing before the first notification, so that nobody sees when it listens.
        headers, wanted = log_in(url), set()

        def is_heard() -> bool:
            wanted.add(make_a_task(url, headers))
            return within(1, lambda: not wanted.isdisjoint(tasks_told(heard)))

        eventually(is_heard, 60, "the notification")
    finally:
        stop(listener)


def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="lessy-quick-start-") as folder:
        clone, log = Path(folder, "clone"), Path(folder, "log")
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        process = start(first_command(), clone, log, PORT=str(port), PYTHONUNBUFFERED="1")
        try:
            up = eventually(lambda: process.poll() is not None or answers(port), INSTALL_SECONDS, "the start")
            assert up and process.poll() is None, log.read_text()  # noqa: PT018
            line = re.search(r"^Subscribe: (.*)$", log.read_text(), re.MULTILINE)
            assert line, log.read_text()
            hear(line[1], clone, f"http://127.0.0.1:{port}")
        finally:
            stop(process)
    print("The quick start works as written.")  # noqa: T201


if __name__ == "__main__":
    main()

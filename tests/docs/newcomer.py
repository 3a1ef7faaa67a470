"""The project that a reader of docs/plugging-in.md builds: of nothing but that page, and the wheel."""

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.docs.pages import Block, blocks
from tests.support.cable import CableSocket
from tests.support.processes import Child, free_port
from tests.support.redis import RedisServer
from tests.support.shell import Shell
from tests.support.wheel import environment

PAGE = "docs/plugging-in.md"
AT_THE_END_OF = "at the end of "
WITH_TOKENS = ", with tokens"
TOKENS = "With the tokens of Django REST framework"
ELSEWHERE = "From a page on another site"
PASSWORD = "fire walk with me"
# What the shell's person is asked for, and answers.
ANSWERS = {"DJANGO_SUPERUSER_PASSWORD": PASSWORD}


def chapters(*, tokens: bool) -> list[Block]:
    """What a reader follows who wants sessions, or tokens."""
    return [block for block in blocks(PAGE) if tokens or block.section not in (TOKENS, ELSEWHERE)]


def lines(chapters: list[Block]) -> list[str]:
    """Of shell, but for those that install, which tests/packaging runs, and for the server, which goes on."""
    found = [line for block in chapters if block.language == "sh" for line in block.text.splitlines()]
    return [line for line in found if not line.startswith(("pip ", "daphne "))]


class Project:
    """port: where its server will listen. installed: a folder with what the wheel installs, and no more."""

    def __init__(self, folder: Path, installed: Path, redis: RedisServer, *, tokens: bool) -> None:
        self.port = free_port()
        self._redis = redis
        self.folder = folder / "project"
        self.folder.mkdir()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.env = environment(installed, PATH=path)
        self._build(chapters(tokens=tokens))

    def _build(self, chapters: list[Block]) -> None:
        """The two folders, every file, and then the rest of the commands."""
        new_project, new_app, *later = lines(chapters)
        self.run(new_project)
        self.run(new_app)
        for block in chapters:
            if block.language == "python" and block.title:
                self._write(block)
        for line in later:
            self.run(line)

    def _write(self, block: Block) -> None:
        title = block.title.removesuffix(WITH_TOKENS)
        file = self.folder / title.removeprefix(AT_THE_END_OF)
        before = file.read_text() if title.startswith(AT_THE_END_OF) else ""
        file.write_text(before + block.text.replace("redis://127.0.0.1:6379/0", self._redis.url))

    def run(self, line: str) -> str:
        """What a line of the page prints. Raises AssertionError when it fails."""
        words = shlex.split(line)
        if "createsuperuser" in words:
            words.append("--noinput")
        done = subprocess.run(
            words, env=self.env | ANSWERS, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def serve(self) -> Child:
        [line] = [
            line
            for block in blocks(PAGE, "sh")
            for line in block.text.splitlines()
            if line.startswith("daphne ")
        ]
        child = Child(shlex.split(line.replace("-p 8000", f"-p {self.port}")), env=self.env, cwd=self.folder)
        child.wait_until_it_answers(self.port)
        return child

    def shell(self) -> Shell:
        return Shell([sys.executable, self.folder / "manage.py"], self.env, cable="sync_cable")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connect(self, *, welcomed: bool = True, **headers: str) -> CableSocket:
        return CableSocket(f"ws://127.0.0.1:{self.port}/cable", headers=headers, welcomed=welcomed)

    @contextmanager
    def logged_in(self) -> Iterator[httpx.Client]:
        """As laura, by the admin's form."""
        with httpx.Client(base_url=self.url) as client:
            client.get("/admin/login/")
            form = {"username": "laura", "password": PASSWORD, "next": "/admin/"}
            answer = client.post("/admin/login/", data=form | token_of(client))
            assert answer.status_code == 302, answer.text
            yield client


@contextmanager
def served(project: Project, start: str = "") -> Iterator[Project]:
    """As project.type it has a shell, which has run these lines."""
    child = project.serve()
    try:
        with project.shell() as shell:
            shell(start)
            project.type = shell
            yield project
    finally:
        child.stop()


def token_of(client: httpx.Client) -> dict[str, str]:
    """Against forged requests."""
    return {"csrfmiddlewaretoken": client.cookies["csrftoken"]}


def until_disconnected(socket: CableSocket) -> dict[str, Any]:
    """The disconnect; what was heard of before it may come once more."""
    while "message" in (frame := socket.frame()):
        pass
    return frame

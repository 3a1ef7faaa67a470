"""tests/packaging/house, a third-party project: in its own folder, with its own packages."""

import json
import shutil
import subprocess
from pathlib import Path

import httpx

from tests.support.cable import CableSocket
from tests.support.processes import Child, free_port
from tests.support.redis import RedisServer
from tests.support.site import ROOT
from tests.support.wheel import environment

CABLE = ("daphne", "sync_cable", "channels")


class House:
    """
    python: the interpreter of the environment with its packages. paths: further folders for PYTHONPATH.
    database: the URL of an empty database. apps: third-party apps of the project.
    """

    def __init__(
        self,
        folder: Path,
        python: str | Path,
        redis: RedisServer,
        *,
        kind: str = "sessions",
        database: str = "",
        apps: tuple[str, ...] = (),
        paths: tuple[Path, ...] = (),
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self._python = python
        self._apps = apps
        shutil.copytree(ROOT / "tests/packaging/house", folder / "house")
        self._env = environment(
            folder,
            *paths,
            DJANGO_SETTINGS_MODULE="house.settings",
            HOUSE_KIND=kind,
            HOUSE_DATABASE=database or f"sqlite://{folder}/house.sqlite3",
            HOUSE_REDIS=redis.url,
        )

    def env(self, *, cable: bool = True) -> dict[str, str]:
        return {**self._env, "HOUSE_APPS": ",".join([*self._apps, *(CABLE if cable else ())])}

    def run(self, *words: str, cable: bool = True) -> str:
        """Returns what this Python prints. cable: whether the cable is in INSTALLED_APPS."""
        command = [str(self._python), *words]
        done = subprocess.run(
            command, env=self.env(cable=cable), cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def move_in(self) -> dict[str, str]:
        """Creates the tables and the user laura. Returns the headers with which she connects."""
        headers: dict[str, str] = json.loads(self.run("-m", "house.move_in"))
        return headers

    def shell(self, code: str, *, cable: bool = True) -> str:
        setup = "import django; django.setup(); from django.contrib.auth import get_user_model; "
        return self.run("-c", f"{setup}laura = get_user_model().objects.get()\n{code}", cable=cable)

    def new_book(self) -> int:
        made = (
            "from house.shelf.models import Book; print(Book.objects.create(reader=laura, title='Dune').pk)"
        )
        return int(self.shell(made))

    def serve(self) -> Child:
        words = [self._python, "-m", "daphne", "-p", str(self.port), "house.asgi:application"]
        child = Child(words, env=self.env(), cwd=self.folder)
        child.wait_until_it_answers(self.port)
        return child

    def connect(self, headers: dict[str, str], *, welcomed: bool = True) -> CableSocket:
        return CableSocket(f"ws://127.0.0.1:{self.port}/cable", headers=headers, welcomed=welcomed)

    def get(self, path: str, headers: dict[str, str]) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers)

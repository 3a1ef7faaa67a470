"""An installation of the tiny third-party project: its folder, its database, its servers."""

import shutil
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.support.cable import CableSocket
from tests.support.processes import Child, free_port
from tests.support.redis import RedisServer
from tests.support.shell import Shell
from tests.support.site import ROOT
from tests.support.wheel import environment

DJANGO: list[str | Path] = [sys.executable, "-m", "django"]
DAPHNE = [sys.executable, "-m", "daphne", "-p", "{port}", "tests.plugged.asgi:application"]
# With the options that the project would use.
CABLE_SERVE = [*DJANGO, "cable_serve", "--bind", "127.0.0.1:{port}", "--drain", "1"]
SETUP = "from tests.plugged.library.models import Book; from django.contrib.auth.models import User; "


class Server:
    def __init__(self, child: Child, port: int) -> None:
        self.child = child
        self.port = port

    def connect(self, cookie: str, *, path: str = "/cable", **options: Any) -> CableSocket:
        url = f"ws://127.0.0.1:{self.port}{path}"
        return CableSocket(url, headers={"Cookie": f"sessionid={cookie}"}, **options)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/cable"

    def browser(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}")

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=30)


class Library:
    def __init__(self, folder: Path, installed_cable: Path, redis: RedisServer) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "tests/plugged", folder / "tests/plugged")
        self.env = environment(
            installed_cable,
            folder,
            DJANGO_SETTINGS_MODULE="tests.plugged.settings",
            DJANGO_SECRET_KEY="not-a-secret-but-long-enough-for-a-test",
            PLUGGED_DATABASE=str(folder / "library.sqlite3"),
            REDIS_URL=redis.url,
            # Warnings of all packages are errors, not only those of the cable. Exception: Autobahn's txaio
            # uses a name that Python 3.14 deprecates and 3.16 removes.
            PYTHONWARNINGS="error,ignore::DeprecationWarning:txaio.tx",
        )
        self._servers: list[Server] = []
        self.manage("migrate", "--verbosity", "0")
        self.script("User.objects.create_user('alice', password='secret'); User.objects.create_user('bob')")

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*DJANGO, *words], env={**self.env, **env}, cwd=self.folder, capture_output=True, text=True
        )

    def manage(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def serve(self, command: Sequence[str | Path], *more: str, **env: str) -> Server:
        port = free_port()
        words = [str(word).format(port=port) for word in [*command, *more]]
        server = Server(Child(words, env={**self.env, **env}, cwd=self.folder), port)
        self._servers.append(server)
        server.child.wait_until_it_answers(port)
        return server

    def script(self, code: str) -> str:
        """Runs the code in a new process (`manage.py shell -c`). Returns what it prints."""
        return self.manage("shell", "--verbosity", "0", "-c", SETUP + code)

    def shell(self) -> Shell:
        """A process that stays open, for many changes. The caller closes it."""
        # PYTHONPATH finds the project, whatever the working directory.
        found = Shell(DJANGO, self.env, cable="sync_cable")
        found(SETUP + "result = None")
        return found

    def session_of(self, name: str) -> str:
        """The session cookie of this user, logged in."""
        code = (
            "from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY; "
            "from django.contrib.sessions.backends.db import SessionStore; "
            f"user = User.objects.get(username={name!r}); session = SessionStore(); "
            "session[SESSION_KEY] = str(user.pk); session[HASH_SESSION_KEY] = user.get_session_auth_hash(); "
            "session[BACKEND_SESSION_KEY] = 'django.contrib.auth.backends.ModelBackend'; "
            "session.create(); print(session.session_key)"
        )
        return self.script(code)

    def close(self) -> None:
        for server in self._servers:
            server.child.stop()


def message_of(socket: CableSocket, pk: str, others: Collection[str] = ()) -> dict[str, Any]:
    """The next notification of this book. A reconcile may repeat earlier ones, but not of others' books."""
    while (message := socket.message())["id"] != pk:
        assert message["id"] not in others
    return message

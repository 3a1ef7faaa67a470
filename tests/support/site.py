"""A complete installation: database, Redis, server processes, users. It is started and ended here."""

import itertools
import json
import os
import signal
import string
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.support.cable import CableSocket
from tests.support.databases import fresh_database, migrate
from tests.support.processes import Child, free_port
from tests.support.redis import RedisServer
from tests.support.shell import Shell
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
MANAGE: list[str | Path] = [sys.executable, ROOT / "manage.py"]

_numbers = itertools.count(1)


def _next_name() -> str:
    """A new name without digits, as the rules of user names require."""
    return "agent_" + "".join(string.ascii_lowercase[int(digit)] for digit in str(next(_numbers)))


@dataclass(frozen=True)
class Person:
    pk: int
    username: str
    token: str


class Server:
    """One server process: a command of manage.py, or of another program."""

    def __init__(
        self,
        env: Mapping[str, str],
        command: Sequence[str] | None = None,
        program: Sequence[str | Path] = MANAGE,
    ) -> None:
        self.port = free_port()
        self._env = env
        self._program = program
        self._command = command or ["serve", "--bind", "127.0.0.1:{port}", "--drain", "1"]
        self.start()

    def start(self) -> None:
        words = [word.format(port=self.port) for word in self._command]
        self.child = Child([*self._program, *words], env=self._env, cwd=ROOT)
        self.child.wait_until_it_answers(self.port)

    def stop(self) -> int:
        return self.child.stop()

    def report(self) -> dict[str, int]:
        """Asks the process for a report, by a signal. Requires a LESSY_TEST_HOOK that reports."""
        said = len(self._reports())
        self.child.signal(signal.SIGUSR1)
        eventually(lambda: len(self._reports()) > said, 30, "its report")
        found: dict[str, int] = json.loads(self._reports()[-1])["report"]
        return found

    def _reports(self) -> list[str]:
        return [line for line in self.child.log.splitlines() if line.startswith('{"report"')]

    def wait_for_log(self, text: str) -> None:
        eventually(lambda: text in self.child.log, 30, f"{text!r} in the log")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cable_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/cable"

    def connect(self, person: Person | None = None, **options: Any) -> CableSocket:
        """Connects with the person's token in the cookie, as a browser does. options: of CableSocket."""
        if person is not None:
            options["token"] = person.token
        return CableSocket(self.cable_url, **options)

    def request(self, method: str, path: str, person: Person | None = None, **options: Any) -> httpx.Response:
        headers = {"Authorization": person.token} if person else {}
        return httpx.request(method, f"{self.url}{path}", headers=headers, timeout=30, **options)


def _inherited() -> dict[str, str]:
    configured = ("DJANGO_", "REDIS_", "CABLE_")
    return {name: value for name, value in os.environ.items() if not name.startswith(configured)}


class Site:
    def __init__(self, database_url: str, redis: RedisServer | None, **env: str) -> None:
        self.redis = redis
        self.servers: list[Server] = []
        self.env = {
            **_inherited(),
            "DJANGO_SECRET_KEY": "not-a-secret-but-long-enough-for-an-hs256-signature-in-tests",
            "DJANGO_ALLOWED_HOSTS": "127.0.0.1,localhost",
            "DATABASE_URL": database_url,
            "LESSY_THROTTLES": "off",
            **({"REDIS_URL": redis.url} if redis else {"DJANGO_DEBUG": "on"}),
            **env,
        }
        settings = self.env.get("DJANGO_SETTINGS_MODULE", "")
        migrate(database_url, settings, lambda: self.manage("migrate", "--verbosity", "0"))
        self._shell: Shell | None = None

    def manage(self, *words: str, **env: str) -> str:
        """Returns what the command prints. Raises AssertionError if it fails."""
        done = subprocess.run(
            [*MANAGE, *words], env=self.env | env, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def serve(
        self,
        command: Sequence[str] | None = None,
        *,
        program: Sequence[str | Path] = MANAGE,
        **env: str,
    ) -> Server:
        server = Server(self.env | env, command, program)
        self.servers.append(server)
        return server

    @property
    def shell(self) -> Shell:
        if self._shell is None:
            self._shell = Shell(MANAGE, self.env)
        return self._shell

    def close_shell(self) -> None:
        shell, self._shell = self._shell, None
        if shell is not None:
            shell.close()

    def new_person(self, *, password: str | None = None, lifetime: float = 3600, **fields: Any) -> Person:
        """
        Creates a user and a token that is valid for `lifetime` seconds. By default the user has no password,
        because hashing one takes longer than most tests.
        """
        username = _next_name()
        pk, token = self.shell(
            f"""
from lessy.accounts import tokens
from lessy.accounts.models import User
user = User.objects.create_user({username!r}, "{username}@example.com", {password!r}, **{fields!r})
result = user.pk, tokens.issue(user, lifetime=timedelta(seconds={lifetime}))
"""
        )
        return Person(pk, username, token)

    def new_people(self, count: int) -> list[Person]:
        """As new_person(), for many at once."""
        names = [_next_name() for _ in range(count)]
        made = self.shell(
            f"""
from lessy.accounts import tokens
from lessy.accounts.models import User
with transaction.atomic():
    users = [User.objects.create_user(name, name + "@example.com") for name in {names!r}]
    result = [(user.pk, user.username, tokens.issue(user, lifetime=timedelta(hours=1))) for user in users]
"""
        )
        return [Person(*each) for each in made]

    def new_task(self, person: Person, label: str = "buy tea") -> int:
        """Created by the shell, a process that is not a server. On return the notification is in Redis."""
        create = f"Task.objects.create(user_id={person.pk}, label={label!r}).pk"
        return int(self.shell(f"result = {create}; publisher.flush(5)"))

    def touch(self, task: int) -> int:
        """Saves the task again. Returns its new updated_at, in whole seconds."""
        return int(
            self.shell(
                f"task = Task.objects.get(pk={task}); task.save(); result = int(task.updated_at.timestamp())"
            )
        )

    def close(self) -> None:
        self.close_shell()
        for server in self.servers:
            server.stop()


@contextmanager
def new_site(redis: RedisServer | None, servers: int = 1, **env: str) -> Iterator[Site]:
    """Without Redis it uses the in-memory layer, which is allowed in DEBUG only."""
    with fresh_database() as url:
        site = Site(url, redis, **env)
        try:
            for _ in range(servers):
                site.serve()
            yield site
        finally:
            site.close()

"""
The database and users of the benchmarks, and the environment variables of every server.

    python -m benchmarks.installation COUNT FILE      creates users, tokens and tasks, and lists them in FILE

All users are members of one team, and may see its cards.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

from benchmarks.contenders import ROOT, TEAMS
from benchmarks.load import SHARED_ROWS
from benchmarks.publications import PREFIX

DAY = timedelta(days=1)


def environment(database: Path, redis_url: str, settings: str = "lessy.settings") -> dict[str, str]:
    own = ("DJANGO_", "REDIS_", "CABLE_", "LESSY_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(own)},
        "DJANGO_SETTINGS_MODULE": settings,
        "DJANGO_SECRET_KEY": "not-a-secret-but-long-enough-for-an-hs256-signature-in-benchmarks",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": redis_url,
        "CABLE_PREFIX": PREFIX,
        "PYTHONPATH": str(ROOT),
        "LOG_LEVEL": "WARNING",
        # As in a server process with a hub. Here processes without a hub change the rows.
        "CABLE_PUBLISH": "background",
    }


class Installation:
    """Created once per run. Every server gets a copy of the database."""

    def __init__(self, folder: Path, users: int) -> None:
        self.folder = folder
        self.people = folder / "people.json"
        self._template = folder / "template.sqlite3"
        # The contenders' settings with the most tables.
        env = environment(self._template, "redis://127.0.0.1:1/0", TEAMS.settings)
        for words in (
            ["manage.py", "migrate", "-v", "0"],
            ["-m", "benchmarks.installation", str(users), str(self.people)],
        ):
            subprocess.run([sys.executable, *words], env=env, cwd=ROOT, check=True)

    def fresh_database(self) -> Path:
        """In a new folder: beside the write-ahead log of an earlier server, a copy would be malformed."""
        return Path(shutil.copy(self._template, tempfile.mkdtemp(dir=self.folder)))


def _populate(count: int, people: Path) -> None:
    import jwt
    from django.conf import settings
    from django.utils import timezone

    from lessy.accounts.models import AccessToken, User
    from lessy.accounts.tokens import ALGORITHM
    from tasks.models import Task
    from tests.teams.models import Board, Card, Membership, Team

    expires_at = (timezone.now() + DAY).replace(microsecond=0)
    users = User.objects.bulk_create(
        User(username=f"agent{n}", email=f"agent{n}@example.com", password="!") for n in range(count)
    )
    tokens = AccessToken.objects.bulk_create(
        AccessToken(user=user, key=f"{n:032x}", sudo=False, expires_at=expires_at)
        for n, user in enumerate(users)
    )
    tasks = Task.objects.bulk_create(Task(user=user, label="buy tea", order=1) for user in users)
    team = Team.objects.create(name="everybody")
    Membership.objects.bulk_create(Membership(team=team, user=user) for user in users)
    board = Board.objects.create(team=team)
    Card.objects.bulk_create(Card(pk=pk, board=board) for pk in SHARED_ROWS)
    # Else the first pass of each server would deliver all of them.
    Card.objects.update(created_at=timezone.now() - DAY, updated_at=timezone.now() - DAY)
    payloads = (
        {
            "data": {"user_id": token.user_id, "sudo": False},
            "exp": int(expires_at.timestamp()),
            "jti": token.key,
        }
        for token in tokens
    )
    texts = [jwt.encode(payload, settings.SECRET_KEY, algorithm=ALGORITHM) for payload in payloads]
    rows = zip(users, texts, tasks, strict=True)
    people.write_text(json.dumps([{"id": u.pk, "token": text, "task": t.pk} for u, text, t in rows]))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lessy.settings")
    import django

    django.setup()
    _populate(int(sys.argv[1]), Path(sys.argv[2]))

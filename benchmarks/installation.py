"""
The database that the project is measured with, its users, and the environment of every server.

    python -m benchmarks.installation COUNT FILE      creates users, tokens and tasks, and lists them in FILE
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.contenders import ROOT


def environment(database: Path, redis_url: str) -> dict[str, str]:
    own = ("DJANGO_", "REDIS_", "CABLE_", "LESSY_")
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith(own)},
        "DJANGO_SECRET_KEY": "not-a-secret-but-long-enough-for-an-hs256-signature-in-benchmarks",
        "DJANGO_ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": f"sqlite:///{database}",
        "REDIS_URL": redis_url,
        "PYTHONPATH": str(ROOT),
        "LOG_LEVEL": "WARNING",
    }


class Installation:
    """Made once a run; every server gets a copy of the database."""

    def __init__(self, folder: Path, users: int) -> None:
        self.folder = folder
        self.people = folder / "people.json"
        self._template = folder / "template.sqlite3"
        env = environment(self._template, "redis://127.0.0.1:1/0")
        for words in (
            ["manage.py", "migrate", "-v", "0"],
            ["-m", "benchmarks.installation", str(users), str(self.people)],
        ):
            subprocess.run([sys.executable, *words], env=env, cwd=ROOT, check=True)

    def fresh_database(self) -> Path:
        """In a folder of its own: beside the log that another server left, a copy would be malformed."""
        return Path(shutil.copy(self._template, tempfile.mkdtemp(dir=self.folder)))


def _populate(count: int, people: Path) -> None:
    from datetime import timedelta

    import jwt
    from django.conf import settings
    from django.utils import timezone

    from lessy.accounts.models import AccessToken, User
    from lessy.accounts.tokens import ALGORITHM
    from tasks.models import Task

    expires_at = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    users = User.objects.bulk_create(
        User(username=f"agent{n}", email=f"agent{n}@example.com", password="!") for n in range(count)
    )
    tokens = AccessToken.objects.bulk_create(
        AccessToken(user=user, key=f"{n:032x}", sudo=False, expires_at=expires_at)
        for n, user in enumerate(users)
    )
    tasks = Task.objects.bulk_create(Task(user=user, label="buy tea", order=1) for user in users)
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

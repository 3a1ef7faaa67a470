"""
The probe of `cable_check` for this project: it authenticates with a token that is valid for five minutes.
Without a user it saves a task of a temporary user, who is deleted at the end together with the task.
"""

import secrets
import string
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction

from lessy.accounts import tokens
from lessy.accounts.models import User
from notifications.broker.layers import is_local
from notifications.operations.probe import Failed, Probe, active_user
from tasks.models import Task

TOKEN_LIFETIME = timedelta(minutes=5)


HINTS = {
    "database": "DATABASE_URL; manage.py migrate",
    "broker": "REDIS_URL: the address, user and password; does Redis run?",
    "processes": "does the server have this REDIS_URL, DJANGO_SECRET_KEY, DATABASE_URL or CABLE_PREFIX?",
    "handshake": "404: another path. 403: DJANGO_ALLOWED_HOSTS, limits of addresses",
    "right": "does the server have this DJANGO_SECRET_KEY and DATABASE_URL?",
    "notify": "CABLE in the settings, RESOURCES; manage.py cable_tail shows what passes through Redis",
}


class LessyProbe(Probe):
    hints = HINTS
    _writes = False

    def _admit_user(self) -> str:
        if self._headers:
            return super()._admit_user()
        if self._username is None:
            self._user = self._stack.enter_context(_scratch_user())
            detail = "a scratch user, deleted at the end"
            self._writes = True
        else:
            self._user = active_user(self._username)
            detail = self._user.username
        self._key = self._user.pk
        token = self._stack.enter_context(_short_token(self._user))
        self._headers = {"Cookie": f"Authorization={token}"}
        return detail

    def _notify(self) -> str:
        if not self._writes or is_local():
            return super()._notify()
        with transaction.atomic():
            Task.objects.create(user=self._user, label="cable_check")
            transaction.set_rollback(True)
        task = Task.objects.create(user=self._user, label="cable_check")
        frame = self._frame()
        if frame.get("message") != {"action": "create#tasks", "id": task.pk}:
            raise Failed(f"expected create#tasks {task.pk}, and got {frame}", self.hints["notify"])
        return "a saved task was announced, and one that was undone was not"


@contextmanager
def _scratch_user() -> Iterator[User]:
    name = "cablecheck" + "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))
    user = User.objects.create_user(name, f"{name}@localhost")
    try:
        yield user
    finally:
        user.delete()


@contextmanager
def _short_token(user: User) -> Iterator[str]:
    token = tokens.issue(user, lifetime=TOKEN_LIFETIME)
    try:
        yield token
    finally:
        row = tokens.verify(token)
        if row is not None:
            row.delete()

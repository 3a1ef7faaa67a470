"""Fixtures for the tests of projects and tasks; their conftest files import what they use."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from waffle.models import Flag

from lessy.accounts import mail_tokens
from lessy.accounts.models import TermsOfService, User
from projects.models import Project
from tasks.models import Task
from tests.api import Api

Saves = list[tuple[type, int, bool]]


@pytest.fixture
def alice_api(alice) -> Api:
    return Api(alice)


@pytest.fixture
def bob_api(bob) -> Api:
    return Api(bob)


@pytest.fixture
def nobody(db) -> Api:
    return Api()


@pytest.fixture
def registration(db) -> Flag:
    """Open, as the migration leaves it; a test that flushes the database takes its flag away."""
    flag, _ = Flag.objects.update_or_create(name="feature_registration", defaults={"everyone": True})
    return flag


@pytest.fixture
def posted(mailoutbox, django_capture_on_commit_callbacks) -> Callable[[], Any]:
    """with posted() as mails: what was mailed by what was committed, known once the block is left."""

    @contextmanager
    def listening() -> Iterator[list[Any]]:
        mails: list[Any] = []
        before = len(mailoutbox)
        with django_capture_on_commit_callbacks(execute=True):
            yield mails
        mails += mailoutbox[before:]

    return listening


@pytest.fixture
def pending(db) -> User:
    """Registered, not yet activated."""
    user = User(email="laura@example.com")
    user.set_unusable_password()
    user.save()
    mail_activation(user)
    return user


def mail_activation(user: User) -> str:
    """The token that a mail would hold."""
    mail_tokens.renew_activation(user, timezone.now())
    user.save()
    return mail_tokens.activation_token(user)


def mail_reset(user: User) -> str:
    mail_tokens.renew_reset(user, timezone.now())
    user.save()
    return mail_tokens.reset_token(user)


@pytest.fixture
def unaccepted_terms(db) -> TermsOfService:
    """In force, and nobody has accepted them."""
    yesterday = timezone.now() - timedelta(days=1)
    return TermsOfService.objects.create(version="2.0", content="<p>Be nice.</p>", effective_at=yesterday)


@pytest.fixture
def announced() -> Callable[[], Any]:
    """with announced() as heard: what post_save says of projects and tasks: (model, pk, created)."""

    @contextmanager
    def listening() -> Iterator[Saves]:
        heard: Saves = []

        def hear(sender: type, instance: Any, created: bool, **_: Any) -> None:
            if sender in (Project, Task):
                heard.append((sender, instance.pk, created))

        post_save.connect(hear)
        try:
            yield heard
        finally:
            post_save.disconnect(hear)

    return listening


@pytest.fixture
def count_queries() -> Callable[[Callable[[], Any]], int]:
    """
    Left out: savepoints, which are not there outside of tests, and the note of a token's use, which is made
    once a minute.
    """

    def count(call: Callable[[], Any]) -> int:
        with CaptureQueriesContext(connection) as queries:
            call()
        return len(
            [query for query in queries if not re.search('SAVEPOINT|SET "last_used_at"', query["sql"])]
        )

    return count

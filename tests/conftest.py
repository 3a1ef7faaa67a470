"""Alice and Bob: the users of every test."""

import pytest

from lessy.accounts.models import User


@pytest.fixture
def alice(db) -> User:
    return User.objects.create_user("alice", "alice@example.com", "secret")


@pytest.fixture
def bob(db) -> User:
    return User.objects.create_user("bob", "bob@example.com", "secret")

"""Alice and Bob, the users of every test; and, for tests of the whole, a site of two servers and Redis."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from lessy.accounts.models import User
from tests.support import wheel as wheels
from tests.support.browser import Browser, new_browser
from tests.support.postgres import PostgresServer, _binary, new_postgres
from tests.support.redis import RedisServer
from tests.support.required import missing
from tests.support.site import Person, Server, Site, new_site


@pytest.fixture(autouse=True)
def settings_stay_as_they_were() -> Iterator[None]:
    """
    override_settings() around what a test sets by pytest-django's fixture ends before it, and the fixture
    then brings it back, for all tests that follow.
    """
    before = settings._wrapped
    yield
    assert settings._wrapped is before


@pytest.fixture
def alice(db) -> User:
    return User.objects.create_user("alice", "alice@example.com", "secret")


@pytest.fixture
def bob(db) -> User:
    return User.objects.create_user("bob", "bob@example.com", "secret")


@pytest.fixture
def new_redis() -> Iterator[RedisServer]:
    """One that a test may kill."""
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One that tests share: each stops nothing, and ends only what it began."""
    if not os.access(Path(_binary("initdb")), os.X_OK):
        missing("PostgreSQL")
    with new_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed_cable(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the PYTHONPATH of other people's projects: `sync_cable`, as pip installs it, and nothing else."""
    return wheels.install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="session")
def site(redis_server: RedisServer) -> Iterator[Site]:
    """
    Two servers, which tests share: each makes people of its own, and stops nothing.

    No reconcile repeats what a test made before it subscribed.
    """
    with new_site(redis_server, servers=2, CABLE_RECONCILE_INTERVAL="3600") as found:
        yield found


@pytest.fixture
def server(site: Site) -> Server:
    return site.servers[0]


@pytest.fixture
def other_server(site: Site) -> Server:
    return site.servers[1]


@pytest.fixture
def cooper(site: Site) -> Person:
    return site.new_person()


@pytest.fixture
def audrey(site: Site) -> Person:
    return site.new_person()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A real Chromium: browser.new_page(), browser.errors."""
    with new_browser() as found:
        yield found

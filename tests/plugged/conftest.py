from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugged.installation import Library
from tests.support.redis import RedisServer


@pytest.fixture(scope="module")
def library(
    tmp_path_factory: pytest.TempPathFactory, installed_cable: Path, redis_server: RedisServer
) -> Iterator[Library]:
    found = Library(tmp_path_factory.mktemp("plugged"), installed_cable, redis_server)
    yield found
    found.close()


@pytest.fixture(scope="module")
def alices(library: Library) -> str:
    """The session cookie of Alice, who is logged in."""
    return library.session_of("alice")

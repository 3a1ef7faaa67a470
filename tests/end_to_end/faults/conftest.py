import pytest

from tests.end_to_end.faults.harness.clients import BaseClient, ExtendedClient, StreamClient
from tests.end_to_end.faults.harness.world import new_world
from tests.support.site import new_site


@pytest.fixture
def world(new_redis):
    """Two servers with their own Redis, clients of three kinds, and a writer that changes rows."""
    with new_site(new_redis, servers=2) as site, new_world(site) as found:
        found.populate(BaseClient, ExtendedClient, StreamClient)
        found.start_writing()
        yield found


@pytest.fixture
def report(capsys):
    """report("label", figure) prints a measured figure on the terminal."""

    def say(what, figure):
        with capsys.disabled():
            print(f"\n  {what}: {figure}", end="")  # noqa: T201

    return say

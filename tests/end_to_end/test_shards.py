"""Redis in two shards: each user's stream lives on one of them."""

from collections.abc import Iterator

import pytest

from tests.support.redis import RedisServer
from tests.support.site import Person, Site, new_site
from tests.support.waiting import eventually

USERS = 8


class Shards:
    """Stands where a Site expects one Redis."""

    def __init__(self) -> None:
        self.servers = [RedisServer(), RedisServer()]

    @property
    def url(self) -> str:
        return ",".join(server.url for server in self.servers)


@pytest.fixture
def shards() -> Iterator[Shards]:
    found = Shards()
    yield found
    for server in found.servers:
        server.stop()


@pytest.fixture
def site(shards: Shards) -> Iterator[Site]:
    with new_site(shards) as found:
        yield found


def people_on_both(site: Site) -> list[Person]:
    """Streams are spread by a hash: of so many both shards have some."""
    return [site.new_person() for _ in range(USERS)]


def is_ready(site: Site) -> bool:
    return bool(site.servers[0].request("GET", "/health/ready").status_code == 200)


def test_users_of_both_shards_hear_of_their_changes(site):
    for person in people_on_both(site):
        with site.servers[0].connect(person) as socket:
            socket.subscribe()
            task = site.new_task(person)
            assert socket.message() == {"action": "create#tasks", "id": task}


def test_what_a_dead_shard_swallowed_is_caught_up_when_it_is_back(site, shards):
    people = people_on_both(site)
    sockets = [site.servers[0].connect(person) for person in people]
    for socket in sockets:
        socket.subscribe()
    shards.servers[1].kill()
    eventually(lambda: not is_ready(site), 15, "the end of readiness")
    create = "[Task.objects.create(user_id=pk, label='buy tea').pk for pk in {pks!r}]"
    tasks = site.shell(create.format(pks=[person.pk for person in people]))
    shards.servers[1].start()
    eventually(lambda: is_ready(site), 20, "readiness")
    for socket, task in zip(sockets, tasks, strict=True):
        assert socket.message(15) == {"action": "create#tasks", "id": task}
        socket.close()

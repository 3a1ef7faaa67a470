"""
Two installations on one Redis, with the same SECRET_KEY and users of the same numbers: on two of its
databases, as operators separate them, which pub/sub ignores; and on one. Neither hears of the other.
"""

import json

import pytest

from tests.end_to_end.test_commands import run, stats, tailing
from tests.support.site import new_site
from tests.support.waiting import eventually

REMOTE = {"type": "disconnect", "reason": "remote", "reconnect": False}
RATES = {"LESSY_THROTTLES": "on", "LESSY_THROTTLE_LOGIN_ACCOUNT": "2/day"}


@pytest.fixture(scope="module", params=["/1", "/0"], ids=["of two databases", "of one database"])
def neighbours(request, redis_server):
    other = redis_server.url.removesuffix("/0") + request.param
    with new_site(redis_server, **RATES) as one, new_site(redis_server, REDIS_URL=other, **RATES) as two:
        yield one, two


@pytest.fixture
def people(neighbours):
    """One of each, with the same primary key."""
    one, two = (site.new_person() for site in neighbours)
    assert one.pk == two.pk
    return one, two


def test_a12_no_change_reaches_the_neighbour(neighbours, people):
    (here, there), (cooper, audrey) = neighbours, people
    with here.servers[0].connect(cooper) as mine, there.servers[0].connect(audrey) as theirs:
        mine.subscribe()
        theirs.subscribe()
        task = there.new_task(audrey)
        assert theirs.message() == {"action": "create#tasks", "id": task}
        mine.assert_nothing_came()


def test_a12_an_order_ends_no_socket_of_the_neighbour(neighbours, people):
    (here, there), (cooper, audrey) = neighbours, people
    with here.servers[0].connect(cooper) as mine, there.servers[0].connect(audrey) as theirs:
        there.manage("cable_disconnect", "--user", audrey.username)
        assert theirs.frame() == REMOTE
        mine.assert_nothing_came()


def test_a12_neither_counts_the_processes_of_the_other(neighbours):
    found = [{process["process"] for process in stats(site)["processes"]} for site in neighbours]
    assert [len(processes) for processes in found] == [1, 1]
    assert found[0].isdisjoint(found[1])


def test_a12_tail_shows_nothing_of_the_neighbour(neighbours, people):
    (here, there), (cooper, audrey) = neighbours, people
    with tailing(here, "--json", "--count", "1") as tail:
        there.new_task(audrey)
        task = here.new_task(cooper)
        assert tail.process.wait(10) == 0
        [line] = [json.loads(line) for line in tail.log.splitlines() if line.startswith("{")]
    assert line["user"] == cooper.username
    assert line["notification"]["id"] == task


def test_a12_throttles_of_the_neighbour_count_for_themselves(neighbours):
    def log_in(site):
        body = {"username": "nobody", "password": "wrong"}
        return site.servers[0].request("POST", "/api/users/authorizations", json=body).status_code

    here, there = neighbours
    assert [log_in(here) for _ in range(3)] == [401, 401, 429]
    assert [log_in(there) for _ in range(3)] == [401, 401, 429]


def test_a12_processes_that_are_given_one_prefix_are_one_installation(redis_server):
    """As those that reach one database by two names need it."""
    with new_site(redis_server, CABLE_PREFIX="ours") as site:
        person = site.new_person()
        key = "another-key-of-fifty-characters-or-more-in-all"
        with site.servers[0].connect(person) as socket:
            code, _, errors = run(site, "cable_disconnect", "--user", person.username, DJANGO_SECRET_KEY=key)
            assert code == 0, errors
            eventually(lambda: socket.frame() == REMOTE)


def test_a12_a_prefix_that_is_none_stops_the_check(neighbours):
    code, _, errors = run(neighbours[0], "check", CABLE_PREFIX="two words")
    assert (code, "settings.CABLE['PREFIX'] is 'two words'" in errors) == (1, True)

"""
An order is carried out and acknowledged by the processes that did it, or reported as not carried out. Never
"done", when it was not.
"""

import json
import re
import signal

import pytest

from tests.end_to_end.test_commands import run
from tests.end_to_end.test_rights import REMOTE, another_token, assert_ended
from tests.support.admin import admin_of
from tests.support.processes import free_port
from tests.support.redis import RedisServer
from tests.support.site import new_site
from tests.support.waiting import eventually

USERS = "/admin/accounts/user/"
TO_COME_BACK = {**REMOTE, "reconnect": True}


@pytest.fixture(scope="module")
def site():
    """Of a Redis of its own: the processes of other tests would be counted with these."""
    redis = RedisServer()
    with new_site(redis, servers=2, CABLE_RECONCILE_INTERVAL="3600") as found:
        yield found
    redis.stop()


@pytest.fixture(scope="module")
def lone_site():
    """Of a Redis that tests may kill; each starts it again."""
    redis = RedisServer()
    with new_site(redis, servers=2, CABLE_RECONCILE_INTERVAL="3600") as found:
        yield found
    redis.stop()


@pytest.fixture
def away_site(lone_site):
    """All of whose processes have joined."""
    for server in lone_site.servers:
        eventually(lambda server=server: server.request("GET", "/health/ready").status_code == 200)
    return lone_site


def order(site, person, *words, **env):
    """It ends as soon as all have answered."""
    wait = () if any(word.startswith("--wait") for word in words) else ("--wait", "20")
    return run(site, "cable_disconnect", "--user", person.username, *words, *wait, **env)


def disconnect_in_admin(admin, *people):
    """Returns the message that the page shows: its kind, and its words."""
    chosen = [person.pk for person in people]
    page = admin.submit(USERS, action="disconnect_clients", _selected_action=chosen)
    [message] = re.findall(r'<li class="(success|error)">(.*?)</li>', page, re.DOTALL)
    return message


def test_b1_an_order_says_how_many_sockets_it_closed_and_where(site, server, other_server, cooper):
    with server.connect(cooper) as one, other_server.connect(cooper) as two, server.connect(cooper) as three:
        code, output, errors = order(site, cooper)
        assert (code, output, errors) == (0, "closed 3 sockets on 2 processes\n", "")
        assert_ended([one, two, three])


def test_b1_and_as_json(site, server, cooper):
    with server.connect(cooper) as socket:
        code, output, _ = order(site, cooper, "--reconnect", "--json")
        assert_ended([socket], TO_COME_BACK)
    found = json.loads(output)
    assert (code, found["carried_out"], found["sockets"], found["problem"]) == (0, True, 1, None)
    assert sorted(process["closed"] for process in found["processes"]) == [0, 1]
    assert found["listening"] == 2


def test_b1_an_order_that_redis_did_not_take_failed(site, server, cooper):
    with server.connect(cooper) as socket:
        code, output, errors = order(site, cooper, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
        assert (code, output) == (1, "")
        assert "CommandError: Redis does not answer" in errors
        socket.assert_nothing_came()


def test_b1_an_order_to_a_redis_where_nobody_listens_failed(site, cooper, new_redis):
    code, output, errors = order(site, cooper, "--wait", "0.2", REDIS_URL=new_redis.url)
    assert (code, output) == (1, "")
    assert "no process answered within 0.2 s" in errors


def test_b1_an_order_through_the_in_memory_layer_failed(site, cooper):
    code, output, errors = order(site, cooper, "--json", REDIS_URL="", DJANGO_DEBUG="on")
    assert (code, json.loads(output)["carried_out"]) == (1, False)
    assert "the in-memory layer reaches no other process" in errors


def test_b1_an_order_without_a_database_failed(site, cooper):
    nowhere = f"postgres://nobody@127.0.0.1:{free_port()}/nothing"
    code, _, errors = order(site, cooper, DATABASE_URL=nowhere)
    assert (code, "CommandError: the database does not answer" in errors) == (1, True)


@pytest.mark.parametrize("wait", ["0", "-1", "nan", "inf", "soon"])
def test_b1_a_wait_that_is_no_time_is_refused(site, cooper, wait):
    code, _, errors = order(site, cooper, f"--wait={wait}")
    assert (code, "--wait" in errors) == (2, True)


def test_b1_a_process_that_does_not_answer_is_told_of(away_site):
    person = away_site.new_person()
    one, two = away_site.servers
    with one.connect(person) as here, two.connect(person) as there:
        two.child.signal(signal.SIGSTOP)
        try:
            code, output, errors = order(away_site, person, "--wait", "5")
        finally:
            two.child.signal(signal.SIGCONT)
        assert (code, output) == (1, "closed 1 socket on 1 process\n")
        assert "1 of 2 processes did not answer within 5 s" in errors
        assert_ended([here])
        # It may have lost Redis meanwhile, and the order with it: given again, it is carried out.
        eventually(lambda: two.request("GET", "/health/ready").status_code == 200)
        assert order(away_site, person)[0] == 0
        assert_ended([there])


def test_b1_the_admin_says_what_its_order_did(site, server, other_server, cooper, audrey):
    with (
        server.connect(cooper) as one,
        other_server.connect(cooper) as two,
        other_server.connect(audrey) as three,
        admin_of(site, server) as admin,
    ):
        kind, words = disconnect_in_admin(admin, cooper, audrey)
        assert (kind, "Of 2 users: closed 3 sockets on 2 processes." in words) == ("success", True)
        assert_ended([one, two, three], TO_COME_BACK)


def test_b1_without_redis_the_admin_ends_the_sockets_of_its_process_and_says_so_in_red(away_site):
    person = away_site.new_person()
    one, two = away_site.servers
    try:
        with one.connect(person) as here, two.connect(person) as there, admin_of(away_site, one) as admin:
            away_site.redis.kill()
            kind, words = disconnect_in_admin(admin, person)
            assert kind == "error"
            assert "closed 1 socket on 1 process; Redis does not answer" in words
            assert_ended([here], TO_COME_BACK)
            there.assert_nothing_came()
    finally:
        away_site.redis.start()


def test_b1_without_redis_signing_out_ends_the_sockets_of_the_same_process_at_once(away_site):
    person = away_site.new_person()
    one, two = away_site.servers
    other = another_token(away_site, person)
    try:
        with one.connect(person) as here, one.connect(other) as another, two.connect(other) as there:
            away_site.redis.kill()
            assert one.request("DELETE", "/api/users/authorizations", person).status_code == 204
            assert_ended([here])
            another.assert_nothing_came()
            there.assert_nothing_came()
    finally:
        away_site.redis.start()


def test_b1_a_renewed_epoch_says_who_has_adopted_it(site):
    # Who answers late is not counted.
    wanted = (0, "processes that have adopted it: 2\n")
    eventually(lambda: run(site, "cable_renew_epoch")[::2] == wanted, 30)
    found = eventually(lambda: renewed(site), 30)
    assert (len(found["told"]), found["problem"]) == (2, None)
    assert found["epoch"] == site.shell("from notifications.models import Epoch; result = Epoch.current()")


def renewed(site):
    """What the command says, if both processes have answered in time."""
    code, output, _ = run(site, "cable_renew_epoch", "--json")
    found = json.loads(output)
    return found if code == 0 and len(found["told"]) == 2 else None


def test_b1_a_renewed_epoch_that_nobody_was_told_of_says_when_it_holds(site):
    code, output, errors = run(site, "cable_renew_epoch", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    assert code == 0
    assert output.strip()
    assert "processes that have adopted it: 0; Redis does not answer" in errors
    assert "with the next reconcile" in errors

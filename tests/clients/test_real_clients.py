"""
Every client, unmodified, against a real server: connects, subscribes, receives, unsubscribes, is refused with
a bad token, survives a restart, keeps its socket while nothing happens.
"""

import os
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.clients.drivers import node_client, python_client
from tests.support.redis import RedisServer
from tests.support.site import new_site
from tests.support.waiting import eventually, within

RAILS = ["actioncable-5.2", "actioncable-6.1", "actioncable-7.0", "actioncable-7.2", "actioncable-8.1"]
# These stop for good when they are told to; those before them retry for ever.
OBEDIENT = ["actioncable-6.1", "actioncable-7.0", "actioncable-7.2", "actioncable-8.1", "@anycable/web"]
NODE = [*RAILS, "@anycable/web"]
PYTHON = ["aioactioncable", "actioncable_client"]
RECONNECTING = [*NODE, "actioncable_client"]
EVERY = [*NODE, *PYTHON]

SILENCE = float(os.environ.get("LESSY_SILENCE_SECONDS", "8"))


def start(name, url, token):
    make = python_client if name in PYTHON else node_client
    return make(name, url, token)


@pytest.fixture
def clients():
    """clients(names, url, token) → started; ended with the test."""
    with ExitStack() as running:

        def starting(names, url, token):
            return [running.enter_context(start(name, url, token)) for name in names]

        yield starting


def announced(site, person, clients, seconds=30):
    """Whether each of the clients receives a new task; tried again until the last of them has subscribed."""
    waiting = list(clients)

    def everyone_hears():
        message = {"action": "create#tasks", "id": site.new_task(person)}
        within(1, lambda: all(message in client.received() for client in waiting))
        waiting[:] = [client for client in waiting if message not in client.received()]
        return not waiting

    return within(seconds, everyone_hears) or [(client.name, client.events) for client in waiting]


@pytest.mark.parametrize("name", EVERY)
def test_a_client_subscribes_receives_and_unsubscribes(site, server, cooper, clients, name):
    [client] = clients([name], server.cable_url, cooper.token)
    client.do("subscribe")
    assert announced(site, cooper, [client]) is True
    updated_at = site.touch(task := site.new_task(cooper))
    client.wait_to_receive({"action": "update#tasks", "id": task, "updatedAt": updated_at})
    messages = client.received()
    assert len(messages) == len({str(message) for message in messages})
    client.do("unsubscribe")
    eventually(lambda: not _hears(site, cooper, client), 10, "the end of messages")


def _hears(site, person, client):
    """Whether a new task arrives within half a second."""
    message = {"action": "create#tasks", "id": site.new_task(person)}
    return within(0.5, lambda: message in client.received())


@pytest.mark.parametrize("name", OBEDIENT)
def test_a_client_with_a_bad_token_is_refused_and_stops(server, clients, name):
    [client] = clients([name], server.cable_url, "bad")
    client.do("subscribe")
    client.wait_for("closed")
    if name == "@anycable/web":
        client.wait_for("gave up")
    else:
        client.wait_for("disconnected")
        assert {"event": "disconnected", "willAttemptReconnect": False} in client.events
    assert client.count("socket") == 1
    assert client.count("connected") == 0


def test_a_python_client_with_a_bad_token_gives_up(server, clients):
    [client] = clients(["aioactioncable"], server.cable_url, "bad")
    client.wait_for("gave up")


def test_the_oldest_client_with_a_bad_token_hears_nothing_and_harms_nothing(server, clients):
    [client] = clients(["actioncable-5.2"], server.cable_url, "bad")
    client.do("subscribe")
    client.wait_for("socket", times=2, seconds=30)
    assert client.count("connected") == 0


def test_the_other_python_client_with_a_bad_token_hears_nothing_and_harms_nothing(
    site, server, cooper, clients
):
    """It ignores what it is told, and retries every second for ever."""
    [client] = clients(["actioncable_client"], server.cable_url, "bad")
    client.do("subscribe")
    assert not _hears(site, cooper, client)
    with server.connect(cooper) as socket:
        socket.subscribe()
        task = site.new_task(cooper)
        assert socket.message()["id"] == task
    assert client.received() == []


def test_after_a_restart_a_client_that_never_reconnects_may_be_started_again(redis_server, clients):
    with new_site(redis_server) as site:
        cooper, [server] = site.new_person(), site.servers
        [client] = clients(["aioactioncable"], server.cable_url, cooper.token)
        client.do("subscribe")
        assert announced(site, cooper, [client]) is True
        server.stop()
        server.start()
        [successor] = clients(["aioactioncable"], server.cable_url, cooper.token)
        successor.do("subscribe")
        assert announced(site, cooper, [successor]) is True


def test_clients_survive_a_restart_of_the_server(redis_server, clients):
    with new_site(redis_server) as site:
        cooper, [server] = site.new_person(), site.servers
        running = clients(RECONNECTING, server.cable_url, cooper.token)
        for client in running:
            client.do("subscribe")
        assert announced(site, cooper, running) is True
        server.stop()
        server.start()
        for client in running:
            client.events.clear()
        assert announced(site, cooper, running) is True


def test_since_gives_the_oldest_client_what_it_missed_during_a_restart(redis_server, clients):
    with new_site(redis_server) as site:
        cooper, [server] = site.new_person(), site.servers
        [client] = clients(["actioncable-5.2"], server.cable_url, cooper.token)
        client.do("subscribe", since=int(time.time()))
        client.wait_for("connected")
        server.stop()
        missed = site.new_task(cooper)
        server.start()
        client.wait_to_receive({"action": "create#tasks", "id": missed}, seconds=40)


def test_clients_keep_their_socket_while_nothing_happens(site, server, cooper, clients):
    running = clients(EVERY, server.cable_url, cooper.token)
    for client in running:
        client.do("subscribe")
    assert announced(site, cooper, running) is True
    assert not within(SILENCE, lambda: any(client.count("socket") > 1 for client in running))
    assert announced(site, cooper, running) is True


def test_clients_work_with_make_runs_server_and_the_in_memory_layer(clients):
    with new_site(None, servers=0) as site:
        cooper = site.new_person()
        site.close_shell()
        server = site.serve(["runserver", "--noreload", "127.0.0.1:{port}"])
        running = clients(["actioncable-5.2", "actioncable-8.1"], server.cable_url, cooper.token)
        for client in running:
            client.do("subscribe")
            client.wait_for("connected")
        answer = server.request("POST", "/api/users/me/tasks", cooper, json={"task": {"label": "buy tea"}})
        for client in running:
            client.wait_to_receive({"action": "create#tasks", "id": answer.json()["data"]["id"]})


# AnyCable's extended protocol

EXTENDED = "actioncable-v1-ext-json"


@pytest.fixture
def extended_site():
    redis = RedisServer()
    with new_site(redis) as site:
        yield site
    redis.stop()


def extended_client(stack, site, person):
    client = stack.enter_context(
        node_client("@anycable/web", site.servers[0].cable_url, person.token, EXTENDED)
    )
    client.do("subscribe")
    client.wait_for("connected")
    return client


def test_anycable_resumes_what_it_missed(extended_site):
    site, cooper = extended_site, extended_site.new_person()
    with ExitStack() as stack:
        client = extended_client(stack, site, cooper)
        client.wait_to_receive({"action": "create#tasks", "id": site.new_task(cooper)})
        site.servers[0].stop()
        missed = [site.new_task(cooper) for _ in range(3)]
        site.servers[0].start()
        for task in missed:
            client.wait_to_receive({"action": "create#tasks", "id": task}, seconds=60)
        assert {"event": "info", "type": "history_received"} in client.events


def test_anycable_is_told_when_its_position_is_gone(extended_site):
    site, cooper = extended_site, extended_site.new_person()
    with ExitStack() as stack:
        client = extended_client(stack, site, cooper)
        client.wait_to_receive({"action": "create#tasks", "id": site.new_task(cooper)})
        site.servers[0].stop()
        site.manage("cable_renew_epoch")
        site.servers[0].start()
        client.wait_for("connected", times=2, seconds=60)
        wanted = {"event": "info", "type": "history_not_found"}
        eventually(lambda: wanted in client.events, 10, f"{wanted}: {client.events}")
        client.wait_to_receive({"action": "create#tasks", "id": site.new_task(cooper)})


def token_of(site, person, *, lifetime):
    """Another one of this user. lifetime: seconds."""
    return site.shell(
        f"""
from lessy.accounts import tokens
from lessy.accounts.models import User
result = tokens.issue(User.objects.get(pk={person.pk}), lifetime=timedelta(seconds={lifetime}))
"""
    )


def test_e4_anycable_gets_another_token_when_its_own_expires_and_misses_nothing(extended_site):
    site, cooper = extended_site, extended_site.new_person()
    short = replace(cooper, token=token_of(site, cooper, lifetime=15))
    with ExitStack() as stack:
        client = extended_client(stack, site, short)
        client.wait_to_receive({"action": "create#tasks", "id": site.new_task(cooper)})
        client.wait_for("asked for a token", seconds=40)
        missed = [site.new_task(cooper) for _ in range(3)]
        client.do("refresh", token=cooper.token)
        for task in missed:
            client.wait_to_receive({"action": "create#tasks", "id": task})
        assert client.count("asked for a token") == 1
        assert client.count("socket") == 2
        client.wait_to_receive({"action": "create#tasks", "id": site.new_task(cooper)})


def test_e4_anycable_gets_another_token_at_the_handshake(extended_site):
    """As a page that was asleep when its token expired."""
    site, cooper = extended_site, extended_site.new_person()
    old = token_of(site, cooper, lifetime=-60)
    url = site.servers[0].cable_url
    with node_client("@anycable/web", url, old, EXTENDED) as client:
        client.do("subscribe")
        client.wait_for("asked for a token", seconds=40)
        client.do("refresh", token=cooper.token)
        client.wait_for("connected")
        client.wait_to_receive({"action": "create#tasks", "id": site.new_task(cooper)})


def test_e4_anycable_does_not_ask_when_its_right_was_taken_away(extended_site):
    site, cooper = extended_site, extended_site.new_person()
    with ExitStack() as stack:
        client = extended_client(stack, site, cooper)
        site.servers[0].request("DELETE", "/api/users/authorizations", cooper)
        client.wait_for("gave up")
        assert client.count("asked for a token") == 0

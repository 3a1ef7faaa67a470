"""The table of docs/operations.md, "Processes": what each server gives, cell by cell."""

import inspect
import json
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.end_to_end.soak.crowd import publish
from tests.support.cable import EXTENDED, confirmed
from tests.support.event_stream import EventSource, as_a_browser, stalled_stream
from tests.support.raw import RawSocket, frame
from tests.support.site import MANAGE, ROOT
from tests.support.waiting import eventually, within

PYTHON = [sys.executable, "-m"]
# In the order of the table's columns.
SERVERS = {
    "cable_serve": (MANAGE, ["cable_serve", "--bind", "127.0.0.1:{port}", "--drain", "1"]),
    "daphne": (PYTHON, ["daphne", "-p", "{port}", "lessy.asgi:application"]),
    "uvicorn": (PYTHON, ["uvicorn", "--port", "{port}", "lessy.asgi:application"]),
    "runserver": (MANAGE, ["runserver", "--noreload", "127.0.0.1:{port}"]),
}
SHORT_PINGS = {
    "daphne": ["--ping-interval", "1", "--ping-timeout", "2"],
    "uvicorn": ["--ws-ping-interval", "1", "--ws-ping-timeout", "1"],
}
# More than the kernel keeps for a client that does not read.
MESSAGES, MESSAGE_BYTES = 600, 20_000
DAYS = 24 * 3600
SYSTEM_LIMIT = Path("/proc/sys/net/core/somaxconn")


def the_table_says(name, row):
    [line] = [line for line in (ROOT / "docs/operations.md").read_text().splitlines() if f"| {row}" in line]
    cells = [cell.strip() for cell in line.strip("|").split("|")][1:]
    return cells[list(SERVERS).index(name)]


def the_table_promises(name, row):
    answer = re.match("yes|no", the_table_says(name, row))
    return answer[0] == "yes"


def start(site, name, *options, **env):
    program, command = SERVERS[name]
    return site.serve([*command, *options], program=program, **env)


@pytest.fixture(scope="module", params=SERVERS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def server(site, name):
    """As it comes, for tests that leave it running."""
    found = start(site, name, CABLE_RECONCILE_INTERVAL="1", CABLE_SUBPROTOCOL_TOKEN="on")
    yield found
    found.stop()


def ends(socket, seconds):
    """Whether the server closes it in time."""
    deadline = time.monotonic() + seconds
    try:
        while True:
            socket.text(max(0, deadline - time.monotonic()))
    except TimeoutError:
        return False
    except ConnectionClosed:
        return True


def is_closed(raw):
    return not raw.connected


# Delivery, catch-up, resume, limits of commands: what every server gives.


def test_every_server_delivers(site, server, name, cooper):
    assert the_table_promises(name, "delivery, catch-up")
    with server.connect(cooper) as socket:
        socket.subscribe()
        assert site.new_task(cooper) == socket.message()["id"]


def test_every_server_catches_up(site, server, cooper):
    task = site.new_task(cooper)
    with server.connect(cooper) as socket:
        socket.subscribe()
        later = "timezone.now() + timedelta(seconds=2)"
        site.shell(f"result = Task.objects.filter(pk={task}).update(updated_at={later})")
        eventually(lambda: socket.message()["action"] == "update#tasks", 10, "the change without a signal")


def test_every_server_resumes(site, server, cooper):
    task = site.new_task(cooper)
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.command("subscribe", history={"since": int(time.time()) - 30})
        assert socket.frame() == confirmed()
        assert [each["message"]["id"] for each in socket.until("confirm_history")] == [task]


def test_every_server_bounds_a_client_that_floods_it(server, cooper):
    with server.connect(cooper) as socket, ThreadPoolExecutor(1) as executor:
        executor.submit(lambda: [socket.send(command="nope") for _ in range(1_000)])
        assert socket.frame()["reason"] == "limit_exceeded"
        assert socket.close_code() == 4029


def test_e10_every_server_takes_a_token_as_a_subprotocol_and_logs_none(server, cooper):
    with server.connect(subprotocols=[*EXTENDED, f"anycable-token.{cooper.token}"]) as socket:
        assert socket.subprotocol == EXTENDED[0]
    assert cooper.token.rpartition(".")[2] not in server.child.log


def test_every_server_has_streams_of_events_that_resume(site, server, name, cooper):
    assert the_table_promises(name, "[event streams](events.md)")
    with stream_of(server, cooper) as stream:
        begun = stream.opened().position
        known = site.new_task(cooper)
        assert stream.message()["id"] == known
    missed = site.new_task(cooper)
    with stream_of(server, cooper, **{"Last-Event-ID": begun}) as stream:
        stream.opened()
        assert [stream.message()["id"], stream.message()["id"]] == [known, missed]
    assert httpx.post(f"{server.url}/cable/events").status_code == 405
    assert httpx.get(f"{server.url}/cable/events").status_code == 401


def stream_of(server, person, **headers):
    return EventSource(f"{server.url}/cable/events", headers=as_a_browser(person.token, **headers))


# What differs


def test_whether_a_frame_in_the_segment_of_the_handshake_is_heard(server, name, cooper):
    def subscribe(number):
        identifier = json.dumps({"channel": "NotificationsChannel", "number": number})
        return frame(json.dumps({"command": "subscribe", "identifier": identifier}))

    raw = RawSocket(server.port)
    raw.ask(cooper.token, then=subscribe(1))
    raw.hear(b'"welcome"')
    raw.send(subscribe(2))
    raw.hear(rb'number\": 2}","type":"confirm_subscription"')
    heard = rb'number\": 1}","type":"confirm_subscription"' in raw.heard
    assert heard is the_table_promises(name, "a frame in one TCP segment")
    raw.close()


def test_whether_a_client_that_does_not_read_is_bounded_and_closed(site, server, name, cooper):
    stalled = RawSocket(server.port, receive_buffer=4096).upgrade(cooper.token)
    stalled.send(frame('{"command":"subscribe","identifier":"{\\"channel\\":\\"NotificationsChannel\\"}"}'))
    stalled.hear(b"confirm_subscription")
    with server.connect(cooper) as socket, ThreadPoolExecutor(1) as executor:
        socket.subscribe()
        publishing = executor.submit(publish, site.shell, [cooper], MESSAGES, MESSAGE_BYTES, 0.002)
        for _ in range(MESSAGES):
            socket.message()
        publishing.result()
    assert ("over the limit of outbox" in server.child.log) == the_table_promises(name, "what waits")
    assert is_closed_as_promised(stalled, the_table_promises(name, "and its socket"))
    stalled.close()


def test_whether_a_stream_that_is_not_read_is_bounded_and_closed(site, server, name, cooper):
    stalled = stalled_stream(server.port, cooper.token)
    before = server.child.log.count("closed a socket of user")
    publish(site.shell, [cooper], MESSAGES, MESSAGE_BYTES, 0.002)
    with server.connect(cooper) as socket:
        socket.subscribe()  # whatever was published before is worked off
        site.new_task(cooper)
        socket.message()
    bounded = the_table_promises(name, "an event stream that is not read")
    assert (f"user {cooper.pk}: too_slow" in server.child.log) == bounded, before
    assert is_closed_as_promised(stalled, the_table_promises(name, "and that event stream"))
    stalled.close()


def is_closed_as_promised(stalled, promised):
    return within(20 if promised else 3, lambda: is_closed(stalled)) == promised


def test_the_listen_backlog(server, name):
    listening = ["ss", "-Hltn", f"sport = :{server.port}"]
    _, _, backlog, *_ = subprocess.run(listening, check=True, capture_output=True, text=True).stdout.split()
    promised = int(the_table_says(name, "listen backlog").partition(" ")[0])
    assert int(backlog) == min(promised, int(SYSTEM_LIMIT.read_text()))


@pytest.mark.parametrize("name", SERVERS)
def test_whether_a_socket_is_closed_for_its_age_and_a_stop_says_disconnect(site, name):
    hook = {"DJANGO_SETTINGS_MODULE": "tests.support.hooks.settings", "LESSY_TEST_HOOK": "two_days_later"}
    server = start(site, name, **hook)
    cooper = site.new_person(lifetime=5 * DAYS)
    with server.connect(cooper) as socket:
        server.child.signal(signal.SIGUSR1)
        stays = the_table_promises(name, "sockets are never closed")
        assert ends(socket, 5 if stays else 20) != stays
    with server.connect(cooper) as socket:
        server.child.signal(signal.SIGTERM)
        assert ends(socket, 10)
        said = any("server_restart" in text for text in socket.texts)
        assert said == the_table_promises(name, "drain")
    server.child.process.wait(15)


@pytest.mark.parametrize("name", SERVERS)
def test_whether_a_stop_tells_a_stream_to_come_back(site, name):
    server = start(site, name)
    cooper = site.new_person()
    with stream_of(server, cooper) as stream:
        stream.opened()
        server.child.signal(signal.SIGTERM)
        promised = the_table_promises(name, "an event stream is told")
        if name == "uvicorn":
            assert not within(3, lambda: not server.child.running)
        else:
            event = stream.event()
            assert (event is not None and event.name == "disconnect") == promised
    server.child.process.wait(15)


@pytest.mark.parametrize("name", SHORT_PINGS)
def test_a_peer_that_does_not_answer_pings_is_closed(site, name, cooper):
    server = start(site, name, *SHORT_PINGS[name])
    silent = RawSocket(server.port).upgrade(cooper.token)
    eventually(lambda: is_closed(silent), 10, "the end of the peer")
    silent.close()
    server.stop()


def test_after_how_long_a_dead_peer_is_gone():
    from daphne.cli import CommandLineInterface
    from daphne.server import Server
    from uvicorn import Config

    from notifications.conf import ServerSettings

    uvicorn = Config("")
    daphne, runserver = CommandLineInterface().parser, inspect.signature(Server).parameters
    seconds = {
        "cable_serve": ServerSettings().dead_peer_seconds,
        "daphne": daphne.get_default("ping_interval") + daphne.get_default("ping_timeout"),
        "uvicorn": uvicorn.ws_ping_interval + uvicorn.ws_ping_timeout,
        "runserver": runserver["ping_interval"].default + runserver["ping_timeout"].default,
    }
    for name, expected in seconds.items():
        assert the_table_says(name, "a dead peer").partition(" s")[0] == f"{expected:g}"

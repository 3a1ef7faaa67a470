"""The log of a real server: JSON in production, one line per socket opened and closed, and never a token."""

import json
import logging

import pytest
from websockets.exceptions import InvalidStatus

from lessy.ground.logs import without_traceback
from tests.support.cable import I
from tests.support.site import new_site
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def talking(site):
    """A server of the site that says whatever it has to say."""
    server = site.serve(LOG_LEVEL="debug")
    yield server
    server.stop()


def lines(server):
    """Every line is an object. The last may be half written."""
    return [json.loads(line) for line in server.child.log.splitlines(keepends=True) if line.endswith("\n")]


def wait_for(server, **fields):
    """The last line with these fields."""

    def look():
        return [line for line in lines(server) if line.items() >= fields.items()]

    return eventually(look, 20, f"a line with {fields}")[-1]


def test_a_socket_is_logged_when_it_opens_and_when_it_closes(site, talking, cooper):
    with talking.connect(cooper) as socket:
        opened = wait_for(talking, event="socket_opened", user=cooper.pk)
        socket.subscribe()
        site.new_task(cooper)
        socket.message()
        pings = len(socket.texts)
    closed = wait_for(talking, event="socket_closed", user=cooper.pk)
    assert (opened["logger"], opened["level"], opened["protocol"]) == (
        "notifications.hub.journal",
        "INFO",
        "base",
    )
    assert (closed["reason"], closed["frames_in"]) == ("client", 1)
    assert closed["frames_out"] >= pings
    assert 0 < closed["duration"] < 60


def test_the_reason_is_the_one_the_client_was_told(site, talking, cooper):
    with talking.connect(cooper) as socket:
        site.manage("cable_disconnect", "--user", cooper.username)
        assert socket.frame()["reason"] == "remote"
    assert wait_for(talking, event="socket_closed", user=cooper.pk)["reason"] == "remote"


def test_a_request_is_logged_with_its_fields_and_without_its_query(talking, cooper):
    talking.request("GET", "/api/users/me/tasks?ids=12345678", cooper)
    line = wait_for(talking, logger="lessy.access", path="/api/users/me/tasks")
    assert (line["method"], line["status"]) == ("GET", 200)
    assert line["milliseconds"] > 0
    assert line["client"].startswith("127.0.0.1:")
    assert "12345678" not in talking.child.log


def test_what_django_daphne_and_twisted_say_has_the_same_format(talking):
    talking.request("GET", "/api/nowhere")
    assert wait_for(talking, logger="django.request")["status_code"] == 404
    assert wait_for(talking, logger="daphne.server")
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines(talking))


def test_a_token_is_never_logged(talking, cooper):
    query = f"?token={cooper.token}"
    headers = {"Authorization": f"Bearer {cooper.token}"}
    with talking.connect(cooper, query=query) as socket, talking.connect(headers=headers):
        socket.subscribe()
        socket.command("subscribe", f'{{"channel":"NotificationsChannel","token":"{cooper.token}"}}')
        socket.frame()
        socket.socket.send(f"nonsense {cooper.token}")
        socket.command("message", I, data=cooper.token)
        socket.assert_nothing_came()
    with pytest.raises(InvalidStatus):
        talking.connect(cooper, origin="https://evil.example", query=query)
    for path in ("/api/users/me", "/nowhere", "/cable", "/api/nowhere"):
        talking.request("GET", path + query, cooper)
    wait_for(talking, logger="lessy.access", path="/api/nowhere")
    _, payload, signature = cooper.token.split(".")
    for part in (payload, signature):
        assert part not in talking.child.log


def test_in_development_the_lines_are_for_readers():
    with new_site(None) as site:
        [server], cooper = site.servers, site.new_person()
        with server.connect(cooper):
            server.wait_for_log(f"INFO    notifications.hub.journal: opened a socket of user {cooper.pk}")
        server.wait_for_log(f"closed a socket of user {cooper.pk}: client, after ")


def test_c5_the_token_of_a_mail_is_never_logged(talking):
    token = "Abcdefghij-klmnop_12"
    paths = [
        f"/password/{token}/new",
        f"/users/{token}/activate",
        f"/password/{token}",
        f"/users/{token}?x=1",
    ]
    for path in [*paths, f"/password/{token}/new/", f"/api/users/{token}", f"/password/%41{token[1:]}/new"]:
        assert talking.request("GET", path).status_code in (200, 404)
    wait_for(talking, logger="lessy.access", path="/password/********/new")
    wait_for(talking, logger="django.request", message="Not Found: /users/********/activate")
    assert token[1:] not in talking.child.log


def test_the_level_is_set_by_the_environment(site, cooper):
    server = site.serve(LOG_LEVEL="warning")
    try:
        server.request("GET", "/api/nowhere")
        assert {line["level"] for line in eventually(lambda: lines(server))} <= {"WARNING", "ERROR"}
    finally:
        server.stop()


def test_an_unknown_level_stops_the_boot(site):
    with pytest.raises(AssertionError, match="LOG_LEVEL='loud': expected one of debug, info"):
        site.manage("check", LOG_LEVEL="loud")


def test_what_is_refused_leaves_no_traceback_and_what_fails_does():
    for status, kept in ((403, False), (500, True)):
        record = logging.makeLogRecord({"status_code": status, "exc_info": (ValueError, ValueError(), None)})
        assert without_traceback(record)
        assert bool(record.exc_info) is kept

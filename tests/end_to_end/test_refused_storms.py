"""Handshakes that nobody can decide: closed as each server can, and no tracebacks, one line a second."""

import json

import pytest

from tests.end_to_end.test_servers_table import SERVERS
from tests.support.site import new_site
from tests.support.waiting import eventually

STORM = 10
FAILING = {
    "DJANGO_SETTINGS_MODULE": "tests.support.hooks.settings",
    "LESSY_TEST_HOOK": "failing_authentication",
    "LOG_LEVEL": "INFO",
}


@pytest.mark.parametrize(
    ("name", "code"), [("cable_serve", 1011), ("uvicorn", 1011), ("daphne", 4011), ("runserver", 4011)]
)
def test_a10_a_handshake_that_nobody_can_decide_is_closed_without_a_traceback(site, cooper, name, code):
    program, command = SERVERS[name]
    server = site.serve(command, program=program, **FAILING)
    for _ in range(4):
        with server.connect(cooper, welcomed=False) as socket:
            assert socket.close_code() == code
    assert "cannot authenticate a handshake" in server.child.log
    assert "Traceback" not in server.child.log


def test_an_absence_of_redis_is_a_line_when_it_goes_and_a_line_when_it_is_back(new_redis):
    with new_site(new_redis) as site:
        server, cooper = site.servers[0], site.new_person()
        for _ in range(STORM):
            server.request("POST", "/api/users/me/tasks", cooper, json={"label": "x"})
        new_redis.kill()
        server.wait_for_log("the broker no longer answers")
        for _ in range(STORM):
            server.request("POST", "/api/users/me/tasks", cooper, json={"label": "x"})
        server.wait_for_log("cannot publish")
        new_redis.start()
        server.wait_for_log("publishes again")
        eventually(lambda: server.child.log.count("the broker answers") == 2, 30, "its word of that")
        lines = [json.loads(line) for line in server.child.log.splitlines() if line.startswith("{")]
        loud = [line for line in lines if line["level"] in ("WARNING", "ERROR")]
        ours = [line["message"] for line in loud if line["logger"].startswith("notifications.")]
        for text in ("broker no longer answers", "broker answers", "cannot publish", "publishes again"):
            assert sum(text in line for line in ours) == 1, text
        assert len(ours) == 4, "\n".join(ours)
        # channels_redis logs the connection that broke under its receiver.
        assert {line["logger"] for line in lines if "exc_info" in line} <= {"channels_redis.pubsub"}

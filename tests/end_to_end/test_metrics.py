"""/metrics of a real server: what happened is counted, for who may read it, under the names of the docs."""

import json
import re
from contextlib import suppress

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.support.cable import EXTENDED, I
from tests.support.site import ROOT
from tests.support.waiting import eventually

TOKEN = "only-for-prometheus"
MONITORING = ROOT / "docs/monitoring"


@pytest.fixture(scope="module")
def measured(site):
    """A server of the site that answers Prometheus."""
    server = site.serve(CABLE_METRICS_TOKEN=TOKEN, CABLE_COMMANDS_BURST="5")
    yield server
    server.stop()


@pytest.fixture
def brisk(site):
    """One whose passes may tell a change before Redis does, so that it counts it twice."""
    server = site.serve(CABLE_METRICS_TOKEN=TOKEN, CABLE_RECONCILE_INTERVAL="0.5")
    yield server
    server.stop()


def ask(server, **headers):
    return httpx.get(f"{server.url}/metrics", headers=headers, timeout=10)


def scrape(server):
    """Value by name and labels."""
    answer = ask(server, Authorization=f"Bearer {TOKEN}")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


class Growth:
    def __init__(self, server):
        self._server = server
        self._before = scrape(server)

    def of(self, *sample):
        return scrape(self._server).get(sample, 0) - self._before.get(sample, 0)

    def reaches(self, amount, *sample):
        eventually(lambda: self.of(*sample) >= amount, 5, f"{sample} grown by {amount}")


@pytest.fixture
def growth(measured):
    return Growth(measured)


def test_without_a_token_configured_there_is_no_such_page(server):
    assert ask(server).status_code == 404
    assert ask(server, Authorization="Bearer x").status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": TOKEN}])
def test_whoever_has_not_the_token_reads_nothing(measured, headers):
    answer = ask(measured, **headers)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_it_is_in_the_format_of_prometheus(measured):
    answer = ask(measured, Authorization=f"Bearer {TOKEN}")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert "# TYPE cable_deliveries_total counter" in answer.text


def test_open_sockets_and_their_subscriptions_are_shown(measured, growth, cooper, audrey):
    with measured.connect(cooper) as base, measured.connect(audrey, subprotocols=EXTENDED) as extended:
        base.subscribe()
        base.subscribe('{"channel":"NotificationsChannel","again":true}')
        extended.command("subscribe", I)
        extended.frame()
        assert growth.of("cable_connections", "base") == 1
        assert growth.of("cable_connections", "extended") == 1
        assert growth.of("cable_users") == 2
        assert growth.of("cable_subscriptions") == 3
        assert growth.of("cable_connections_opened_total") == 2
    growth.reaches(2, "cable_connections_closed_total", "client")
    assert growth.of("cable_connections", "base") == 0


def test_deliveries_are_counted_by_socket_and_their_time_from_the_commit_by_event(
    site, measured, growth, cooper
):
    with measured.connect(cooper) as one, measured.connect(cooper) as another:
        for socket in (one, another):
            socket.subscribe()
        site.new_task(cooper)
        assert one.message() == another.message()
        assert growth.of("cable_deliveries_total") == 2
        assert growth.of("cable_commit_to_socket_seconds_count") == 1
        assert growth.of("cable_commit_to_socket_seconds_bucket", "+Inf") == 1
        assert 0 < growth.of("cable_commit_to_socket_seconds_sum") < 5


def test_what_this_process_publishes_is_counted_and_timed(measured, growth, cooper):
    body = {"task": {"label": "buy tea"}}
    assert measured.request("POST", "/api/users/me/tasks", cooper, json=body).status_code == 201
    growth.reaches(1, "cable_published_total")
    assert growth.of("cable_publish_seconds_count") >= 1


def test_what_only_the_tables_told_of_is_counted(site, brisk, cooper):
    growth, task = Growth(brisk), site.new_task(cooper)
    with brisk.connect(cooper) as socket:
        socket.subscribe()
        later = "timezone.now() + timedelta(seconds=2)"
        site.shell(f"result = Task.objects.filter(pk={task}).update(updated_at={later})")
        socket.message(10)
    growth.reaches(1, "cable_caught_up_total")


def test_resumes_are_counted(site, measured, growth, cooper):
    site.new_task(cooper)
    with measured.connect(cooper) as socket:
        socket.subscribe('{"channel":"NotificationsChannel","since":1}')
        socket.message()
    assert growth.of("cable_replayed_total") == 1


def test_refused_handshakes_are_counted_by_reason(measured, growth, cooper):
    with measured.connect(token="nonsense", welcomed=False) as socket:
        assert socket.frame()["reason"] == "unauthorized"
    with pytest.raises(InvalidStatus):
        measured.connect(cooper, origin="https://evil.example")
    assert growth.of("cable_handshakes_refused_total", "unauthorized") == 1
    assert growth.of("cable_handshakes_refused_total", "origin") == 1


def test_broken_limits_and_what_was_not_understood_are_counted(measured, growth, cooper):
    with measured.connect(cooper) as socket:
        with suppress(ConnectionClosed):  # it is closed before it has sent them all
            for _ in range(20):
                socket.send(command="dance")
        assert socket.frame()["type"] == "disconnect"
    growth.reaches(1, "cable_limit_breaches_total", "commands_per_second")
    assert growth.of("cable_ignored_frames_total") >= 5
    growth.reaches(1, "cable_connections_closed_total", "limit_exceeded")


def test_the_heartbeat_and_the_broker_are_watched(measured, growth):
    growth.reaches(1, "cable_ping_lateness_seconds_count")
    eventually(lambda: scrape(measured)["cable_broker_healthy",] == 1)
    growth.reaches(1, "cable_broker_last_echo_timestamp_seconds")


def test_no_metric_names_a_user_or_a_token(measured, cooper):
    with measured.connect(cooper) as socket:
        socket.subscribe()
        text = ask(measured, Authorization=f"Bearer {TOKEN}").text
    assert cooper.token not in text
    assert cooper.username not in text
    assert TOKEN not in text


# What the docs say of them

NAME = re.compile(r"\b(?:cable|process)_[a-z_]+")


def documented():
    dashboard = json.loads((MONITORING / "grafana.json").read_text())
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ()))
    yield from (rule["expr"] for group in rules["groups"] for rule in group["rules"])


def names_in(texts):
    return {name for text in texts for name in NAME.findall(text)}


def test_every_metric_of_the_dashboard_and_the_alerts_is_in_a_scrape(measured):
    named = names_in(documented())
    assert len(named) > 20
    assert named - {sample[0] for sample in scrape(measured)} == set()


def test_every_metric_of_ours_is_in_the_docs_and_none_that_is_not(measured):
    answer = ask(measured, Authorization=f"Bearer {TOKEN}").text
    types = dict(re.findall(r"^# TYPE (cable_\w+) (\w+)$", answer, re.MULTILINE))
    shown = {name for name in types if not name.endswith("_created")}
    table = [
        line for line in (ROOT / "docs/monitoring.md").read_text().splitlines() if line.startswith("| `")
    ]
    assert names_in(table) == shown


def test_b4_the_alerts_watch_both_paths_and_say_what_to_do():
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    watched = names_in(rule["expr"] for rule in rules)
    assert {
        "cable_broker_healthy",
        "cable_certain",
        "cable_catch_up_failures_total",
        "cable_stale_total",
    } <= watched
    assert {"cable_reconcile_failures_total", "cable_draining", "cable_abandoned_reads_total"} <= watched
    assert any(rule["expr"].startswith("up{") for rule in rules)
    assert all(rule["annotations"]["summary"] and rule["annotations"]["description"] for rule in rules)

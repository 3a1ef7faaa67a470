"""GET /cable/changes: who may ask, how often, and what is answered. docs/state.md is tried in tests/docs."""

import threading

import pytest
from django.db import OperationalError
from django.test import Client, override_settings
from django.urls import path

from notifications.changes import position as positions
from notifications.handshake import by_http
from notifications.handshake.by_http import Buckets
from notifications.views import changes
from tests.teams.models import Board, Card, Note

pytestmark = pytest.mark.django_db(transaction=True)

urlpatterns = [path("cable/changes", changes)]
RESOURCES = {
    "notes": {"model": "teams.Note", "deletions": True},
    "cards": {"model": "teams.Card", "audience": "watchers", "public": {"is_public": True}},
}
SESSIONS = "notifications.handshake.authentication.SessionAuthenticator"


@pytest.fixture(autouse=True)
def pulled(settings, monkeypatch):
    settings.ROOT_URLCONF = __name__
    settings.CABLE = {**settings.CABLE, "RESOURCES": RESOURCES, "AUTHENTICATOR": SESSIONS}
    monkeypatch.setattr(by_http, "_buckets", Buckets())
    positions.forget()
    yield
    positions.forget()


@pytest.fixture
def page(client, alice):
    client.force_login(alice)
    return client


def test_what_changed_since_and_a_tag_for_the_same_again(page, alice):
    begun = page.get("/cable/changes")
    assert (begun.status_code, begun.content) == (204, b"")
    note = Note.objects.create(user=alice)
    answer = page.get("/cable/changes", {"position": begun["Cable-Position"]})
    assert {"action": "create#notes", "id": note.pk} in answer.json()["changes"]
    assert answer["Cache-Control"] == "no-store"
    again = page.get(
        "/cable/changes", {"position": begun["Cable-Position"]}, headers={"If-None-Match": answer["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again["Cable-Position"] > begun["Cable-Position"]
    pk = note.pk
    note.delete()
    later = page.get("/cable/changes", {"position": answer["Cable-Position"]})
    assert later.json()["changes"] == [{"action": "destroy#notes", "id": pk}]


def test_it_costs_one_query_for_each_resource_whatever_changed(page, alice, django_assert_max_num_queries):
    begun = page.get("/cable/changes")["Cable-Position"]
    for _ in range(20):
        Note.objects.create(user=alice)
    # Session and user; the epoch; notes, cards, public cards and notices, counted and read.
    with django_assert_max_num_queries(12):
        page.get("/cable/changes", {"position": begun})


def test_more_than_a_replay_holds_is_a_refetch(page, alice, settings):
    settings.CABLE = {**settings.CABLE, "REPLAY_LIMIT": 2}
    begun = page.get("/cable/changes")["Cable-Position"]
    for _ in range(3):
        Note.objects.create(user=alice)
    answer = page.get("/cable/changes", {"position": begun})
    assert (answer.status_code, answer.json()["error"]) == (409, "refetch")


def test_who_is_nobody_is_refused_or_hears_of_what_is_public(client, alice, settings):
    assert client.get("/cable/changes").json() == {"error": "unauthorized"}
    settings.CABLE = {**settings.CABLE, "ANONYMOUS": True}
    begun = client.get("/cable/changes")["Cable-Position"]
    card = Card.objects.create(board=Board.objects.create(), is_public=True)
    Note.objects.create(user=alice)
    found = client.get("/cable/changes", {"position": begun}).json()["changes"]
    assert {change["id"] for change in found if change["action"].endswith("#cards")} == {card.pk}
    assert not any("notes" in change["action"] for change in found)


def test_an_address_and_a_user_ask_so_often(page, settings):
    settings.CABLE = {**settings.CABLE, "COMMANDS_BURST": 3, "COMMANDS_PER_SECOND": 0.001}
    answers = [page.get("/cable/changes") for _ in range(4)]
    assert [each.status_code for each in answers] == [204, 204, 204, 429]
    assert answers[-1]["Retry-After"] == "1"
    settings.CABLE = {**settings.CABLE, "HANDSHAKES_BURST": 1, "HANDSHAKES_PER_SECOND": 0.001}
    asked = [Client().get("/cable/changes", REMOTE_ADDR="192.0.2.1").status_code for _ in range(2)]
    assert asked == [401, 429]


def test_the_buckets_of_those_who_left_are_forgotten(monkeypatch):
    monkeypatch.setattr(by_http, "SWEEP_AT", 10)
    buckets = Buckets()
    buckets._sweep_at = 10
    for number in range(100):
        assert buckets.take(number, rate=1e9, burst=1)
    assert len(buckets._buckets) <= 20


def test_who_comes_while_buckets_are_swept_waits_for_it():
    buckets, answers = Buckets(), []
    stranger = threading.Thread(target=lambda: answers.append(buckets.take("stranger", 1, 1)))

    class Swept:
        def is_full(self, now):
            if not stranger.ident:
                stranger.start()
                stranger.join(0.2)  # without the lock it is done by then, and the sweep forgets it or fails
            return True

    buckets._buckets, buckets._sweep_at = {1: Swept(), 2: Swept()}, 2
    assert buckets.take("me", 1, 1)
    stranger.join()
    assert answers == [True]
    assert set(buckets._buckets) == {"me", "stranger"}


def test_pages_of_allowed_origins_may_read_it_and_others_not(page, settings):
    settings.CABLE = {**settings.CABLE, "ALLOWED_ORIGINS": ["https://app.example"]}
    allowed = page.get("/cable/changes", headers={"Origin": "https://app.example"})
    assert allowed["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Cable-Position" in allowed["Access-Control-Expose-Headers"]
    foreign = page.get("/cable/changes", headers={"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert not foreign.has_header("Access-Control-Allow-Origin")
    preflight = page.options("/cable/changes", headers={"Origin": "https://app.example"})
    assert "Authorization" in preflight["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_it_is_only_read(page, method):
    assert getattr(page, method)("/cable/changes").status_code == 405


def test_without_a_database_it_says_so(page, monkeypatch):
    def away(*args):
        raise OperationalError("away")

    monkeypatch.setattr("notifications.views.position", away)
    answer = page.get("/cable/changes")
    assert (answer.status_code, answer.json()) == (503, {"error": "unavailable"})


def test_an_epoch_that_was_renewed_refuses_the_positions_of_the_one_before(page):
    from notifications.models import Epoch

    begun = page.get("/cable/changes")["Cable-Position"]
    Epoch.renew()
    assert page.get("/cable/changes", {"position": begun}).status_code == 409


@override_settings(MIDDLEWARE=["notifications.middleware.cable_middleware"])
def test_without_a_database_a_page_has_no_position_and_is_answered(client, monkeypatch):
    def away(*args):
        raise OperationalError("away")

    monkeypatch.setattr("notifications.middleware.position", away)
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert not answer.has_header("Cable-Position")

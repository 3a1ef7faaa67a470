"""What is published: of models of other people (tests/strangers), and of a red team with Alice in it."""

import pytest

from notifications.broker import publisher
from notifications.ground import test_run
from tests.teams.cable import resources
from tests.teams.models import Board, Card, Membership, Team

TIMES = {"owner": "reader", "created_at": "added_at", "updated_at": "changed_at"}


@pytest.fixture
def announce(settings):
    """announce(books=Book) makes resources of models, which have the columns of Timed."""

    def make(*, config=None, **models):
        settings.CABLE = {
            "RESOURCES": {
                name: {"model": model._meta.label, **TIMES, **(config or {})}
                for name, model in models.items()
            }
        }

    return make


@pytest.fixture
def heard(monkeypatch):
    """What was published since the last call."""
    changes = []
    monkeypatch.setattr(publisher, "publish", changes.extend)

    def since_last():
        found, changes[:] = list(changes), []
        return found

    return since_last


@pytest.fixture
def told(monkeypatch, settings):
    """(action, resource, id, user) of what was published, oldest first."""
    found = []

    def publish(changes):
        found.extend((each.action, each.resource, each.pk, each.user_id) for each in changes)

    monkeypatch.setattr(publisher, "publish", publish)
    settings.CABLE = {**settings.CABLE, "RESOURCES": resources()}
    return found


@pytest.fixture
def team(told, alice):
    team = Team.objects.create(name="red")
    Membership.objects.create(team=team, user=alice)
    told.clear()
    return team


@pytest.fixture
def board(team):
    return Board.objects.create(team=team)


@pytest.fixture
def card(board, told):
    card = Card.objects.create(board=board)
    told.clear()
    return card


@pytest.fixture(autouse=True)
def as_in_production(monkeypatch):
    """This is a test run, in which checks stop nothing and Redis is not missed."""
    monkeypatch.setattr(test_run, "_is_set_up", lambda: False)
    monkeypatch.setattr(test_run, "_seen", False)

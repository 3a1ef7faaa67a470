"""Rows that everybody may hear of: who hears what, at once and from the tables."""

import pytest
from django.core.exceptions import ImproperlyConfigured

import notifications
from notifications.broker import publisher
from notifications.broker.events import group_for_user, public_group, stream_of_user
from notifications.changes.history import TooMuchToReplay, changes_since, microseconds_now, reach
from notifications.changes.resources import resources
from notifications.changes.telling import visible
from notifications.wire.payloads import ANONYMOUS, PUBLIC, shown
from tests.teams.models import Board, Card, Note

pytestmark = pytest.mark.django_db(transaction=True)

CARDS = {"model": "teams.Card", "audience": "watchers", "public": {"is_public": True}}


@pytest.fixture
def told(monkeypatch, settings):
    """(action, id) of what everybody was told."""
    found = []

    def publish(changes):
        found.extend((each.action, each.pk) for each in changes if each.user_id == PUBLIC)

    monkeypatch.setattr(publisher, "publish", publish)
    settings.CABLE = {**settings.CABLE, "RESOURCES": {"cards": CARDS}}
    return found


@pytest.fixture
def card(told):
    return Card.objects.create(board=Board.objects.create(), is_public=True)


def since(*users):
    position = microseconds_now() - 60 * 10**6 + reach().overlap
    return [(each.action, each.pk, each.user_id) for each in visible(list(changes_since(users, position)))]


def test_a_public_row_is_told_and_found(told, card):
    card.save()
    assert told == [("create", card.pk), ("update", card.pk)]
    assert since(PUBLIC) == [("create", card.pk, PUBLIC), ("update", card.pk, PUBLIC)]
    card.delete()
    assert told[2:] == [("destroy", since(PUBLIC)[-1][1])]


def test_what_is_not_public_is_not_told(told):
    row = Card.objects.create(board=Board.objects.create())
    row.save()
    row.delete()
    assert told == []
    assert since(PUBLIC) == []


def test_a_row_that_becomes_public_is_created_and_one_that_is_no_longer_destroyed(told, card):
    for is_public in (False, True):
        card.is_public = is_public
        card.save()
    assert [action for action, _ in told if action != "update"] == ["create", "destroy", "create"]
    assert since(PUBLIC)[-1][0] in {"create", "update"}
    assert not any(action == "destroy" for action, *_ in since(PUBLIC))


def test_a_reader_hears_by_both_ways_and_another_user_as_everybody(told, card, alice, bob):
    card.watchers.add(alice)
    card.save()
    assert {user for _, _, user in since(alice.pk, PUBLIC)} == {alice.pk, PUBLIC}
    assert {user for _, _, user in since(bob.pk, PUBLIC)} == {PUBLIC}


def test_an_owner_and_everybody_are_told_each(told, settings, alice, monkeypatch):
    found = []
    monkeypatch.setattr(publisher, "publish", found.extend)
    notes = {"model": "teams.Note", "public": {"user__username": "alice"}}
    settings.CABLE = {**settings.CABLE, "RESOURCES": {"notes": notes}}
    Note.objects.create(user=alice)
    assert {each.user_id for each in found} == {alice.pk, PUBLIC}
    assert notifications.notify(Note.objects.all()) == 1


def test_what_is_public_counts_towards_the_limit_of_a_replay(told, card):
    with pytest.raises(TooMuchToReplay):
        changes_since([PUBLIC], microseconds_now() - 10**7, limit=0)


@pytest.mark.parametrize("public", [{}, "is_public", {"nope": 1}, {"is_public": "perhaps"}, True])
def test_what_is_no_filter_is_refused(settings, public):
    settings.CABLE = {**settings.CABLE, "RESOURCES": {"cards": {**CARDS, "public": public}}}
    with pytest.raises(ImproperlyConfigured, match="'public'"):
        resources()


def test_no_user_has_the_stream_of_everybody(told):
    assert stream_of_user(ANONYMOUS) == stream_of_user(PUBLIC) == "public"
    for name in ("public", "anonymous", "\0publi", " public"):
        assert stream_of_user(name) != "public"
        assert group_for_user(name) != public_group()
    assert (shown(ANONYMOUS), shown(7)) == ("anonymous", 7)

"""
Rows that a user sees by a way of their own and as everybody: clients know one row, and believe what comes
last of it. Who loses one of the ways is never told that it is gone.
"""

from datetime import UTC, datetime

import pytest

from notifications.broker import publisher
from notifications.broker.events import changes_event, changes_of
from notifications.changes import telling
from notifications.changes.history import changes_since, microseconds_now, reach
from notifications.changes.telling import visible
from notifications.wire.payloads import DESTROY, PUBLIC, destroy_change
from tests.support.sockets import Socket, admission
from tests.teams.models import Board, Card, Note

pytestmark = pytest.mark.django_db(transaction=True)

CARDS = {"model": "teams.Card", "audience": "watchers", "public": {"is_public": True}, "deletions": True}
NOTES = {"model": "teams.Note", "public": {"user__time_zone": "Europe/Paris"}, "deletions": True}


@pytest.fixture
def published(monkeypatch, settings):
    found = []
    monkeypatch.setattr(publisher, "publish", found.extend)
    settings.CABLE = {**settings.CABLE, "RESOURCES": {"cards": CARDS, "notes": NOTES}}
    return found


@pytest.fixture
def card(published, alice):
    card = Card.objects.create(board=Board.objects.create(), is_public=True)
    card.watchers.add(alice)
    published.clear()
    return card


def live(published, user):
    """The actions that a socket of this user writes, which hears of everybody's rows too."""
    return written([each for each in changes_of(changes_event(published, 0.0)) if hears(user, each)], user)


def from_tables(user):
    position = microseconds_now() - 60 * 10**6 + reach().overlap
    users = [user.pk, PUBLIC]
    return written(visible(list(changes_since(users, position)), users=users), user)


def hears(user, change):
    return change.user_id in (user.pk, PUBLIC)


def written(changes, user):
    socket = Socket(admission(user.pk))
    socket.connection.subscriptions.add("I", 0).release({}, ())
    for change in changes:
        socket.connection.deliver(change, 0)
    return [frame["message"]["action"].partition("#")[0] for frame in socket.frames]


def test_a_row_that_is_no_longer_public_stays_with_who_sees_it(published, card, alice, bob):
    card.is_public = False
    card.save()
    assert DESTROY not in live(published, alice)
    assert live(published, bob) == [DESTROY]
    assert DESTROY not in from_tables(alice)
    assert from_tables(bob) == [DESTROY]


def test_a_public_row_stays_with_who_is_no_longer_its_reader(published, card, alice):
    card.watchers.remove(alice)
    assert DESTROY not in live(published, alice)
    assert DESTROY not in from_tables(alice)


def test_a_row_that_nobody_sees_any_more_is_gone_for_all(published, card, alice, bob):
    card.delete()
    for user in (alice, bob):
        assert set(live(published, user)) == {DESTROY}
        assert set(from_tables(user)) == {DESTROY}


def test_a_row_of_one_owner_stays_with_them(published, alice, bob):
    alice.time_zone = "Europe/Paris"
    alice.save()
    note = Note.objects.create(user=alice)
    published.clear()
    change = destroy_change("notes", note.pk, PUBLIC, datetime.now(UTC))
    alice.time_zone = "UTC"
    alice.save()
    for users in (None, [alice.pk, bob.pk, PUBLIC]):
        [told] = visible([change], users=users)
        assert told.kept_by == {alice.pk}
    [told] = visible([change], users=[bob.pk, PUBLIC])
    assert told.kept_by == frozenset()
    note.delete()
    assert visible([change], users=[alice.pk, PUBLIC]) == [change]


def test_notices_outlive_that_their_resource_is_everybodys(published, settings, alice, bob):
    """By the settings: passes find them for a week, as long as another resource is public."""
    alice.time_zone = "Europe/Paris"
    alice.save()
    Note.objects.create(user=alice).delete()
    private = {key: value for key, value in NOTES.items() if key != "public"}
    settings.CABLE = {**settings.CABLE, "RESOURCES": {"cards": CARDS, "notes": private}}
    assert from_tables(bob) == [DESTROY]


def test_too_many_who_keep_it_are_left_to_the_passes(published, card, alice, bob, monkeypatch):
    """As a list in a message, they would be longer than any other."""
    monkeypatch.setattr(telling, "USERS", 0)
    card.is_public = False
    card.save()
    assert live(published, bob) == []
    assert from_tables(bob) == [DESTROY]
    assert DESTROY not in from_tables(alice)

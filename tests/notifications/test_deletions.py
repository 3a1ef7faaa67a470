"""What is deleted, in whatever transaction, by whatever name; and what else uses the connection."""

import sqlite3

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import pre_delete
from django.test import TestCase, override_settings

from lessy.accounts.models import User
from notifications.broker import publisher
from notifications.changes import deletions, notices
from notifications.models import Notice
from tests.strangers.models import Place
from tests.strangers.told import found_again, named
from tests.teams.cable import resources
from tests.teams.models import Board, Card, Guest, Membership, Note, Picture, Pin, Team, Trial

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def refused():
    """A receiver of pre_delete forbids what the test wants to delete. refused(error): by what it raises."""
    raised = []

    def forbid(**_):
        if isinstance(raised[0], str):
            with connection.cursor() as cursor:
                cursor.execute(raised[0])
        raise raised[0]

    pre_delete.connect(forbid, sender=Card)
    yield raised.append
    pre_delete.disconnect(forbid, sender=Card)


@pytest.fixture
def by_hand():
    """Without autocommit, as a script may have it."""
    transaction.set_autocommit(False)
    yield transaction.commit
    transaction.rollback()
    transaction.set_autocommit(True)


# Transactions


def test_in_a_nested_transaction_beside_one_that_failed(told, team, card, alice):
    pk = card.pk
    with transaction.atomic():
        with transaction.atomic():
            Team.objects.all().delete()
            transaction.set_rollback(True)
        with transaction.atomic():
            Team.objects.all().delete()
    assert told == [("destroy", "cards", pk, alice.pk)]
    assert Notice.objects.count() == 1


def test_without_autocommit_no_transaction_is_left_open(told, team, card, alice, by_hand):
    """Who asks for the audience after the commit begins one: it would hold its snapshot until the next."""
    pk = card.pk
    card.delete()
    by_hand()
    assert told == [("destroy", "cards", pk, alice.pk)]
    assert not is_in_transaction()


def is_in_transaction():
    if connection.vendor == "postgresql":
        return connection.connection.info.transaction_status != 0
    return connection.connection.in_transaction


@pytest.mark.parametrize("error", [RuntimeError("no"), "SELECT nonsense FROM nowhere"])
def test_a_deletion_that_a_receiver_forbids_leaves_nothing_behind(told, team, card, alice, refused, error):
    """Neither a notice, nor what waits on the connection for the next statement that writes."""
    refused(error)
    with transaction.atomic():
        with pytest.raises((RuntimeError, DatabaseError)), transaction.atomic():
            card.delete()
        assert connection.execute_wrappers == []
        Note.objects.create(user=alice)
    assert [action for action, *_ in told] == ["create"]
    assert not Notice.objects.exists()


def test_the_wrapper_of_somebody_else_ends_with_its_block(told, team, card, refused):
    """Django takes away the last one, whosever it is."""
    refused(RuntimeError("no"))
    with (
        pytest.raises(RuntimeError),
        connection.execute_wrapper(lambda execute, *statement: execute(*statement)),
    ):
        card.delete()
    assert connection.execute_wrappers == []


@pytest.mark.parametrize("error", [SystemExit("time limit"), DatabaseError("disk full")])
def test_if_the_notices_cannot_be_written_nothing_is_deleted(told, team, card, alice, monkeypatch, error):
    """Django rolls back for errors of the database alone, and leaves the transaction open for others."""

    def fail(*_):
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(notices, "write", fail)
        with pytest.raises(type(error)):
            card.delete()
    assert not is_in_transaction()
    Note.objects.create(user=alice)
    assert Card.objects.filter(pk=card.pk).exists()
    assert [action for action, *_ in told] == ["create"]


class InTestCases(TestCase):
    def test_a_test_that_captures_what_is_published_hears_of_deletions(self):
        published = []
        with pytest.MonkeyPatch.context() as patch, override_settings(CABLE={"RESOURCES": resources()}):
            patch.setattr(publisher, "publish", published.extend)
            user = User.objects.create_user("coop", "coop@example.com")
            team = Team.objects.create(name="red")
            Membership.objects.create(team=team, user=user)
            board = Board.objects.create(team=team)
            pks = [Card.objects.create(board=board).pk for _ in range(3)]
            with self.captureOnCommitCallbacks(execute=True) as callbacks:
                team.delete()
        assert sorted((each.action, each.pk) for each in published) == [("destroy", pk) for pk in pks]
        assert len(callbacks) == 1


def test_by_async_code(told, team, card, alice):
    pk = card.pk
    async_to_sync(Card.objects.all().adelete)()
    assert told == [("destroy", "cards", pk, alice.pk)]


def test_more_rows_than_a_statement_has_parameters(told, team, card, alice):
    """Django deletes them in portions; what asks who saw what by way of them must not need one for each."""
    Membership.objects.bulk_create([Membership(team=team, user=alice) for _ in range(2_000)])
    if connection.vendor == "sqlite":
        before = connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 1_000)
    Membership.objects.all().delete()
    if connection.vendor == "sqlite":
        connection.connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, before)
    assert told == [("destroy", "cards", card.pk, alice.pk)]


@pytest.fixture
def portions(monkeypatch):
    """Little is held; the sizes of what was published at once."""
    monkeypatch.setattr(deletions, "HELD", 3)
    monkeypatch.setattr(notices, "PORTION", 3)
    sizes = []
    publish = publisher.publish
    monkeypatch.setattr(publisher, "publish", lambda changes: sizes.append(len(changes)) or publish(changes))
    return sizes


def test_what_is_too_much_to_be_held_is_written_and_told_in_portions(told, team, board, alice, bob, portions):
    """Each of its readers loses each of the cards of a team that is deleted."""
    cards = [Card.objects.create(board=board).pk for _ in range(4)]
    Membership.objects.create(team=team, user=bob)
    told.clear()
    portions.clear()
    team.delete()
    lost = [("destroy", "cards", pk, user.pk) for pk in cards for user in (alice, bob)]
    assert sorted(told) == sorted(lost)
    assert max(portions) == 3
    assert Notice.objects.filter(is_destroy=True).count() == len(lost)


def test_portions_of_what_is_rolled_back_are_neither_told_nor_kept(told, team, board, alice, portions):
    for _ in range(5):
        Card.objects.create(board=board)
    told.clear()
    with transaction.atomic():
        Team.objects.all().delete()
        transaction.set_rollback(True)
    assert told == []
    assert not Notice.objects.filter(is_destroy=True).exists()
    Membership.objects.all().delete()
    assert len(told) == 5


def test_a_key_that_is_used_again_after_portions_is_told_in_order(told, board, alice, portions):
    cards = [Card.objects.create(board=board) for _ in range(5)]
    told.clear()
    with transaction.atomic():
        Card.objects.all().delete()
        Card.objects.create(pk=cards[-1].pk, board=board)
    assert [action for action, _, pk, _ in told if pk == cards[-1].pk][-1] == "create"


# Keys


@pytest.mark.parametrize("length", [298, 299, 500])
def test_a_row_whose_key_is_a_long_text_can_be_deleted(announce, heard, alice, length):
    """PostgreSQL refused its notice, and so the deletion."""
    announce(config={"deletions": True}, places=Place)
    key = "/".join(["é"] * length)[:length]
    place = Place.objects.create(path=key, reader=alice)
    heard()
    place.delete()
    assert named(heard()) == found_again(alice, 0) == [("destroy", "places", key)]


def test_no_key_is_too_long_for_its_notice():
    """SQLite, with which these tests are run first, takes texts of any length for granted."""
    assert Notice._meta.get_field("key").max_length is None


# By other names: signals name the class of the instance


def test_a_proxy_of_a_row(told, board, card, alice, bob):
    blue = Board.objects.create(team=Team.objects.create(name="blue"))
    Membership.objects.create(team=blue.team, user=bob)
    pin, pk = Pin.objects.get(pk=card.pk), card.pk
    pin.save()
    assert told == [("update", "cards", pk, alice.pk)]
    pin.board = blue
    pin.save()
    assert ("destroy", "cards", pk, alice.pk) in told
    assert ("create", "cards", pk, bob.pk) in told
    told.clear()
    Pin.objects.all().delete()
    assert told == [("destroy", "cards", pk, bob.pk)]


def test_a_model_that_inherits_the_table_of_a_row(told, board, alice):
    picture = Picture.objects.create(board=board)
    pk = picture.pk
    assert told == [("create", "cards", pk, alice.pk)]
    picture.delete()
    assert told[1:] == [("destroy", "cards", pk, alice.pk)]


@pytest.mark.parametrize("kind", [Guest, Trial])
def test_a_membership_by_another_name(told, team, card, bob, kind):
    membership = kind.objects.create(team=team, user=bob)
    assert told == [("create", "cards", card.pk, bob.pk)]
    membership.delete()
    assert told[1:] == [("destroy", "cards", card.pk, bob.pk)]


def test_all_that_a_relation_can_do(told, team, card, alice, bob):
    team.people.set([bob])
    assert sorted(told) == [("create", "cards", card.pk, bob.pk), ("destroy", "cards", card.pk, alice.pk)]
    team.people.clear()
    assert told[2:] == [("destroy", "cards", card.pk, bob.pk)]
    bob.teams.add(team)
    assert told[3:] == [("create", "cards", card.pk, bob.pk)]
    Membership.objects.update_or_create(team=team, defaults={"user": alice})
    assert sorted(told[4:])[0] == ("create", "cards", card.pk, alice.pk)


def test_a_user_who_is_deleted_leaves_the_others_what_they_see(told, team, card, alice, bob):
    Membership.objects.create(team=team, user=bob)
    told.clear()
    pk = alice.pk
    alice.delete()
    assert {user for *_, user in told} <= {pk}


def test_who_got_another_way_to_a_row_in_the_transaction_that_takes_it_away_hears_of_that(told, card, alice):
    """The second way made it look as if she had never seen the row before."""
    pk = card.pk
    with transaction.atomic():
        card.watchers.add(alice)
        card.delete()
    assert told == [("destroy", "cards", pk, alice.pk)]
    assert Notice.objects.filter(is_destroy=True).count() == 1

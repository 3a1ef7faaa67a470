"""Rows that several users may see: who hears of them, when, and by how many queries."""

from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import notifications
from lessy.accounts.models import User
from notifications.changes import history, notices
from notifications.changes.audience import audience_of
from notifications.changes.history import TooMuchToReplay, changes_since, microseconds_now, reach
from notifications.changes.telling import visible
from notifications.models import Notice
from notifications.wire.payloads import destroy_change
from tests.teams.cable import resources
from tests.teams.models import Board, Card, Membership, Note, Team

pytestmark = pytest.mark.django_db(transaction=True)

RULE = "tests.teams.models.CardRule"


def since(user, seconds=0.0):
    """As a client that was certain of everything so long ago is told. Without what an overlap repeats."""
    position = microseconds_now() - int(seconds * 1e6) + reach().overlap
    found = visible(list(changes_since([user.pk], position)))
    return [(each.action, each.resource, each.pk) for each in found]


# Paths


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("title", "'title' of teams.Card leads to no model"),
        ("nope", "teams.Card has no relation 'nope'"),
        ("board__team", "'board__team' leads to teams.Team, not to accounts.User"),
        ("tests.teams.models.Nope", "CARDS: Module"),
        ("tests.teams.models.Team", "not a class with the methods users() and rows()"),
        ([], "CARDS is []"),
        (7, "CARDS is 7"),
        ([7], "CARDS is [7]"),
    ],
)
def test_a_path_that_names_no_users_is_refused(value, why):
    with pytest.raises(ImproperlyConfigured) as refused:
        audience_of(Card, value, "CARDS")
    assert why in str(refused.value)


@pytest.mark.parametrize(
    ("card", "why"),
    [
        ({"owner": "user"}, "has both 'owner' and 'audience'"),
        ({"deletions": False}, "'deletions' is False"),
        ({"deletions": 1}, "'deletions' is 1"),
    ],
)
def test_what_an_audience_does_not_go_with_is_refused(settings, card, why):
    settings.CABLE = {**settings.CABLE, "RESOURCES": resources(**card)}
    assert any(why in message.msg for message in run_checks(tags=["sync_cable"]))


BOARDS = {"model": "teams.Board", "audience": "followers", "created_at": "", "updated_at": "changed_at"}


def test_an_audience_without_an_index_is_named(settings):
    settings.CABLE = {**settings.CABLE, "RESOURCES": {"boards": BOARDS}}
    messages = {message.id: message.msg for message in run_checks(tags=["sync_cable"])}
    assert "teams.Board.changed_at has no index" in messages["sync_cable.W004"]


# At once


def test_a_save_is_told_to_everybody_who_may_see_the_row(told, card, alice, bob):
    card.watchers.add(bob)
    told.clear()
    card.save()
    assert sorted(told) == [("update", "cards", card.pk, alice.pk), ("update", "cards", card.pk, bob.pk)]


def test_a_transaction_asks_once_for_the_audience_of_all_its_rows(told, board, alice):
    cards = [Card.objects.create(board=board) for _ in range(50)]
    told.clear()
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        for card in cards:
            card.save()
    asked = [each["sql"] for each in queries if "teams_membership" in each["sql"]]
    assert len(asked) == 1
    assert len(told) == 50


def test_what_is_rolled_back_moves_nobody(told, team, card, bob):
    with transaction.atomic():
        sid = connection.savepoint()
        Membership.objects.create(team=team, user=bob)
        transaction.savepoint_rollback(sid)
    assert told == []
    assert not Notice.objects.filter(is_destroy=False).exists()


def test_who_comes_in_gets_a_create_of_everything_at_once_and_after_an_absence(told, team, card, bob):
    assert since(bob, 60) == []
    Membership.objects.create(team=team, user=bob)
    assert told == [("create", "cards", card.pk, bob.pk)]
    assert ("create", "cards", card.pk) == since(bob, 60)[-1]


@pytest.mark.parametrize("leave", ["delete", "remove", "queryset"])
def test_who_goes_out_hears_a_destroy_and_then_nothing(told, team, card, alice, leave):
    membership = team.memberships.get()
    if leave == "delete":
        membership.delete()
    elif leave == "remove":
        team.people.remove(alice)
    else:
        Membership.objects.all().delete()
    assert told == [("destroy", "cards", card.pk, alice.pk)]
    card.save()
    assert told == [("destroy", "cards", card.pk, alice.pk)]
    assert since(alice, 60) == [("destroy", "cards", card.pk)]


def test_who_sees_the_row_by_another_way_does_not_lose_it(told, team, card, alice):
    card.watchers.add(alice)
    told.clear()
    team.memberships.get().delete()
    assert told == []
    assert ("destroy", "cards", card.pk) not in since(alice, 60)


def test_what_moves_to_another_team_is_lost_by_one_and_got_by_the_other(told, card, alice, bob):
    blue = Team.objects.create(name="blue")
    Membership.objects.create(team=blue, user=bob)
    told.clear()
    card.board = Board.objects.create(team=blue)
    card.save()
    assert ("destroy", "cards", card.pk, alice.pk) in told
    assert ("create", "cards", card.pk, bob.pk) in told
    assert all(user == bob.pk for action, _, _, user in told if action != "destroy")


def test_a_save_that_moves_nothing_asks_nothing_more(told, card, team):
    found = Membership.objects.get()
    with CaptureQueriesContext(connection) as queries:
        found.save()
    assert len(queries) == 1


def test_a_change_that_was_read_before_its_reader_was_removed_is_not_told(told, team, card, alice):
    """With `visible` switched off, alice is told of a card that she may not see any more."""
    card.save()
    found = list(changes_since([alice.pk], microseconds_now()))
    team.memberships.get().delete()
    assert ("create", card.pk) in [(each.action, each.pk) for each in found]
    assert visible(found) == []


# By the time of a membership


def test_who_came_in_without_a_signal_is_found_by_the_time_of_the_membership(
    told, settings, team, bob, monkeypatch
):
    monkeypatch.setattr(history, "PAGE", 2)
    joined = {"joined_at": "board__team__memberships__since"}
    settings.CABLE = {**settings.CABLE, "RESOURCES": resources(**joined)}
    boards = [Board.objects.create(team=team) for _ in range(2)]
    cards = [Card.objects.create(board=board).pk for board in boards for _ in range(3)]
    Card.objects.update(
        created_at=timezone.now() - timedelta(days=9), updated_at=timezone.now() - timedelta(days=9)
    )
    told.clear()
    Membership.objects.bulk_create([Membership(team=team, user=bob)])
    assert told == []
    assert sorted(since(bob, 60)) == [("create", "cards", pk) for pk in sorted(cards)]
    Membership.objects.filter(user=bob).update(since=timezone.now() - timedelta(days=9))
    assert since(bob, 60) == []


def test_a_time_of_joining_without_an_index_is_named(settings):
    settings.CABLE = {
        **settings.CABLE,
        "RESOURCES": resources(joined_at="board__team__memberships__since"),
    }
    assert any("Membership.since has no index" in each.msg for each in run_checks(tags=["sync_cable"]))


@pytest.mark.parametrize(
    "joined_at", ["since", "board__team__memberships__user", "board__team__name", "watchers__since", 7]
)
def test_what_is_no_time_on_the_way_is_refused(settings, joined_at):
    settings.CABLE = {**settings.CABLE, "RESOURCES": resources(joined_at=joined_at)}
    assert any("joined_at" in message.msg for message in run_checks(tags=["sync_cable"]))


# A rule, and code that no signal tells of


def test_a_rule_says_who_hears(told, settings, card, alice, bob):
    settings.CABLE = {**settings.CABLE, "RESOURCES": resources(audience=RULE)}
    card.watchers.add(bob)
    card.save()
    assert sorted(told) == [("update", "cards", card.pk, alice.pk), ("update", "cards", card.pk, bob.pk)]
    assert since(bob, 60) == [("create", "cards", card.pk), ("update", "cards", card.pk)]
    # Only those of the users who are asked for.
    assert since(User.objects.create_user("eve", "eve@example.com"), 60) == []


def test_a_bulk_change_of_an_audience_is_told_by_those_who_say_so(told, team, card, alice, bob):
    with notifications.audience_changes(Card.objects.all()):
        Membership.objects.bulk_create([Membership(team=team, user=bob)])
        Membership.objects.filter(user=alice)._raw_delete(using="default")
    assert sorted(told) == [("create", "cards", card.pk, bob.pk), ("destroy", "cards", card.pk, alice.pk)]
    assert since(alice, 60) == [("destroy", "cards", card.pk)]


def test_audience_changes_is_for_resources_with_an_audience(told):
    with (
        pytest.raises(ValueError, match="with an audience"),
        notifications.audience_changes(Note.objects.all()),
    ):
        pass


def test_notify_tells_the_audience(told, card, alice):
    assert notifications.notify(Card.objects.all()) == 1
    assert told == [("update", "cards", card.pk, alice.pk)]


# Deletions


def test_a_deletion_is_told_and_found(told, alice):
    note = Note.objects.create(user=alice)
    pk = note.pk
    told.clear()
    note.delete()
    assert told == [("destroy", "notes", pk, alice.pk)]
    assert since(alice, 60) == [("destroy", "notes", pk)]


def test_a_deletion_of_many_rows_asks_once_for_their_audience_and_writes_once(told, board, alice):
    cards = [Card.objects.create(board=board).pk for _ in range(30)]
    told.clear()
    with CaptureQueriesContext(connection) as queries:
        Card.objects.all().delete()
    statements = [each["sql"] for each in queries]
    reads = [sql for sql in statements if "SELECT" in sql and "teams_membership" in sql]
    writes = [sql for sql in statements if sql.startswith("INSERT")]
    assert len(reads) == 2  # before the deletion, and after the commit: who sees it still
    assert len(writes) == 1
    assert sorted(told) == [("destroy", "cards", pk, alice.pk) for pk in cards]


def test_a_cascade_takes_the_memberships_with_it_and_is_told_all_the_same(told, team, card, alice):
    pk = card.pk
    team.delete()
    assert told == [("destroy", "cards", pk, alice.pk)]
    assert since(alice, 60) == [("destroy", "cards", pk)]


def test_a_deletion_that_is_rolled_back_is_none(told, alice):
    note = Note.objects.create(user=alice)
    told.clear()
    with transaction.atomic():
        note.delete()
        transaction.set_rollback(True)
    assert told == []
    assert not Notice.objects.exists()


def test_a_key_that_is_used_again_is_told_in_order(told, alice):
    note = Note.objects.create(user=alice)
    pk = note.pk
    note.delete()
    Note.objects.create(pk=pk, user=alice)
    assert [action for action, *_ in since(alice, 60)] == ["destroy", "create", "update"]
    told.clear()
    with transaction.atomic():
        Note.objects.get(pk=pk).delete()
        Note.objects.create(pk=pk, user=alice)
    assert [action for action, *_ in told] == ["destroy", "create"]


def test_old_notices_are_pruned_in_steps_and_older_positions_refused(told, alice, settings, monkeypatch):
    from notifications.changes import notices
    from notifications.changes.history import HistoryGone, resume_position
    from notifications.wire.protocol import HistoryRequest

    monkeypatch.setattr(notices, "PRUNED_AT_ONCE", 2)
    week = 7 * 24 * 3600
    for _ in range(3):
        Note.objects.create(user=alice).delete()
    Notice.objects.update(at=timezone.now() - timedelta(seconds=week + 60))
    Note.objects.create(user=alice).delete()
    assert [notices.prune() for _ in range(3)] == [2, 1, 0]
    assert Notice.objects.count() == 1
    now = microseconds_now()
    with pytest.raises(HistoryGone, match="older"):
        resume_position(HistoryRequest(since=now // 10**6 - week - 60), epoch="", now=now)
    # A read for it starts a lag and an overlap earlier, where notices are gone.
    with pytest.raises(HistoryGone, match="older"):
        resume_position(HistoryRequest(since=now // 10**6 - week + 60), epoch="", now=now)
    assert resume_position(HistoryRequest(since=now // 10**6 - week + 120), epoch="", now=now)


def test_notices_count_towards_the_limit_of_a_replay(told, alice):
    for _ in range(3):
        Note.objects.create(user=alice).delete()
    with pytest.raises(TooMuchToReplay):
        changes_since([alice.pk], microseconds_now() - 10**7, limit=2)


def test_a_database_that_no_resource_is_read_from_gets_no_notices(told, alice):
    """It may have no table for them, and the deletion must not fail for that."""
    lost = destroy_change("notes", 1, alice.pk, timezone.now())
    notices.write([lost], "archive")
    notices.write([lost], "default")
    assert Notice.objects.count() == 1


# Soft deletes


@pytest.fixture
def archived(settings, told, card):
    settings.CABLE = {**settings.CABLE, "RESOURCES": resources(deleted_at="archived_at")}
    card = Card._base_manager.get(pk=card.pk)
    card.archived_at = timezone.now()
    card.save()
    return card


def test_a_row_that_is_archived_is_told_as_destroyed(told, archived, alice):
    assert told == [("destroy", "cards", archived.pk, alice.pk)]
    assert since(alice, 60)[-1] == ("destroy", "cards", archived.pk)


def test_a_row_that_comes_back_is_told_as_created(told, archived, alice):
    told.clear()
    archived.archived_at = None
    archived.save()
    assert told == [("create", "cards", archived.pk, alice.pk)]
    assert ("destroy", "cards", archived.pk) not in since(alice, 60)


def test_signals_are_for_the_models_on_the_way_alone(told, settings):
    from django.db.models.signals import pre_delete, pre_save

    assert pre_delete.has_listeners(Membership)
    settings.CABLE = {**settings.CABLE, "RESOURCES": {}}
    assert not pre_delete.has_listeners(Membership)
    assert not pre_save.has_listeners(Membership)

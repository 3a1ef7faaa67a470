"""A row that somebody else gave away: who loses it, says its table, and not when the instance was read."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.strangers.models import Book, Paperback
from tests.strangers.told import found_again
from tests.teams.cable import resources
from tests.teams.models import Board, Card, Membership, Team

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def books(announce, heard):
    announce(config={"deletions": True}, books=Book)


def by_another(model, pk, **columns):
    """As another request does it, with an instance of its own."""
    row = model._base_manager.get(pk=pk)
    for name, value in columns.items():
        setattr(row, name, value)
    row.save()


def who_heard(changes):
    return [(change.action, change.user_id) for change in changes]


# Deletions

DELETIONS = {
    "as it was read": lambda book, a: book.delete(),
    "read again": lambda book, a: (book.refresh_from_db(), book.delete()),
    "one column read again": lambda book, a: (book.refresh_from_db(fields=["title"]), book.delete()),
    "another column deferred": lambda book, a: Book.objects.only("title").get(pk=book.pk).delete(),
    "of a proxy": lambda book, a: Paperback.objects.get(pk=book.pk).delete(),
    "by the queryset": lambda book, a: Book.objects.all().delete(),
    "assigned and not saved": lambda book, a: (setattr(book, "reader", a), book.delete()),
}


@pytest.mark.parametrize("kind", DELETIONS)
def test_a_deletion_is_told_to_the_owner_in_the_table(books, heard, alice, bob, kind):
    book = Book.objects.create(reader=alice)
    by_another(Book, book.pk, reader=bob)
    heard()
    pk = book.pk
    DELETIONS[kind](book, alice)
    assert who_heard(heard()) == [("destroy", bob.pk)]
    assert found_again(bob, 0) == [("destroy", "books", pk)]
    assert ("destroy", "books", pk) not in found_again(alice, 0)


def test_a_cascade_is_told_to_the_owners_in_the_table(books, heard, alice, bob):
    book = Book.objects.create(reader=alice)
    Book.objects.filter(pk=book.pk).update(reader=bob)
    heard()
    bob.delete()
    assert [action for action, _ in who_heard(heard())] == ["destroy"]


def test_a_row_of_nobody_is_nobodys_loss(books, heard, alice):
    book = Book.objects.create(reader=alice)
    Book.objects.update(reader=None)
    heard()
    book.delete()
    assert heard() == []


def test_a_deletion_costs_one_query_whatever_goes(books, heard, alice):
    def owners_asked(delete):
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            delete()
        return sum('"reader_id" IS NOT NULL' in query["sql"] for query in queries)

    made = [Book.objects.create(reader=alice) for _ in range(30)]
    assert owners_asked(made[0].delete) == 1
    assert owners_asked(Book.objects.all().delete) == 1


# Saves of what was read again


def refreshed_wholly(row):
    row.refresh_from_db()


def refreshed_in_part(row):
    row.refresh_from_db(fields=["reader" if isinstance(row, Book) else "board"])


REFRESHES = [refreshed_wholly, refreshed_in_part]


@pytest.mark.parametrize("refresh", REFRESHES)
def test_a_move_back_to_the_first_owner_is_told_to_both(books, heard, alice, bob, refresh):
    book = Book.objects.create(reader=alice)
    by_another(Book, book.pk, reader=bob)
    refresh(book)
    heard()
    book.reader = alice
    book.save()
    assert who_heard(heard()) == [("update", bob.pk), ("create", alice.pk)]


@pytest.mark.parametrize("refresh", REFRESHES)
def test_a_move_back_to_the_first_audience_is_told_to_both(told, card, alice, bob, refresh):
    blue = Board.objects.create(team=Team.objects.create(name="blue"))
    Membership.objects.create(team=blue.team, user=bob)
    red = card.board
    by_another(Card, card.pk, board=blue)
    refresh(card)
    told.clear()
    card.board = red
    card.save()
    assert ("destroy", "cards", card.pk, bob.pk) in told
    assert ("create", "cards", card.pk, alice.pk) in told


def test_what_was_assigned_and_not_read_again_is_no_memory(books, heard, alice, bob):
    book = Book.objects.create(reader=alice)
    heard()
    book.reader = bob
    book.refresh_from_db(fields=["title"])
    book.save()
    assert who_heard(heard()) == [("update", alice.pk), ("create", bob.pk)]


def test_a_deferred_owner_that_was_read_is_known(books, heard, alice, bob):
    found = Book.objects.only("title").get(pk=Book.objects.create(reader=alice).pk)
    heard()
    assert found.reader_id == alice.pk
    found.reader = bob
    found.save()
    assert who_heard(heard()) == [("update", alice.pk), ("create", bob.pk)]


def test_an_assigned_foreign_key_of_an_audience_is_moved_all_the_same(told, card, bob):
    blue = Board.objects.create(team=Team.objects.create(name="blue"))
    Membership.objects.create(team=blue.team, user=bob)
    told.clear()
    card.board = blue
    card.refresh_from_db(fields=["title"])
    card.save()
    assert ("create", "cards", card.pk, bob.pk) in told


def test_a_soft_delete_that_was_read_again_is_undone(told, settings, card, alice):
    settings.CABLE = {**settings.CABLE, "RESOURCES": resources(deleted_at="archived_at")}
    card = Card._base_manager.get(pk=card.pk)
    by_another(Card, card.pk, archived_at=timezone.now())
    card.refresh_from_db()
    told.clear()
    card.archived_at = None
    card.save()
    assert told == [("create", "cards", card.pk, alice.pk)]


def test_a_move_that_was_read_again_and_rolled_back_was_none(books, heard, alice, bob):
    book = Book.objects.create(reader=alice)
    heard()
    with transaction.atomic():
        book.reader = bob
        book.save()
        book.refresh_from_db()
        transaction.set_rollback(True)
    book.save()  # it still says bob
    assert who_heard(heard()) == [("update", alice.pk), ("create", bob.pk)]
    assert not Book.objects.filter(reader=alice).exists()


def test_who_hears_of_a_refreshed_save_costs_no_query(books, heard, alice, bob, django_assert_num_queries):
    book = Book.objects.create(reader=alice)
    with django_assert_num_queries(1):
        book.refresh_from_db()
    book.reader = bob
    with django_assert_num_queries(1):
        book.save()

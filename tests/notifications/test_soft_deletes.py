"""Rows that are deleted by a column, or come back: whoever had them hears of it, by a save or in bulk."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Lower
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.changes.bulk import announce_updated, rows_before, rows_in_the_way
from notifications.models import Notice
from tests.strangers.models import Entry
from tests.strangers.told import found_again
from tests.strangers.ways import WAYS, by_save
from tests.teams.cable import resources
from tests.teams.models import Card

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def entries(announce, heard):
    announce(config={"deleted_at": "archived_at"}, entries=Entry)


@pytest.fixture
def entry(entries, heard, alice):
    entry = Entry.objects.create(reader=alice, code="x")
    heard()
    return entry


def who_heard(changes):
    return sorted((change.user_id, change.action) for change in changes)


@pytest.mark.parametrize("change", WAYS)
def test_what_is_archived_is_destroyed(entry, heard, alice, change):
    change(entry, archived_at=timezone.now())
    assert who_heard(heard()) == [(alice.pk, "destroy")]
    assert found_again(alice, 0)[-1] == ("destroy", "entries", entry.pk)


@pytest.mark.parametrize("change", WAYS)
def test_what_is_given_away_and_archived_at_once_is_lost_by_its_owner_before(
    entry, heard, alice, bob, change
):
    change(entry, archived_at=timezone.now(), reader_id=bob.pk)
    assert (alice.pk, "destroy") in who_heard(heard())
    assert found_again(alice, 0) == [("destroy", "entries", entry.pk)]


@pytest.mark.parametrize("change", WAYS)
def test_so_is_what_belongs_to_nobody_then(entry, heard, alice, change):
    change(entry, archived_at=timezone.now(), reader_id=None)
    assert who_heard(heard()) == [(alice.pk, "destroy")]
    assert found_again(alice, 0) == [("destroy", "entries", entry.pk)]


@pytest.mark.parametrize("change", WAYS)
def test_what_comes_back_is_created(entry, heard, alice, change):
    by_save(entry, archived_at=timezone.now())
    heard()
    change(entry, archived_at=None)
    assert who_heard(heard()) == [(alice.pk, "create")]
    assert Notice.objects.filter(is_destroy=False).count() == 1


@pytest.mark.parametrize("change", WAYS)
def test_what_comes_back_to_another_is_theirs_alone(entry, heard, alice, bob, change):
    by_save(entry, archived_at=timezone.now())
    heard()
    change(entry, archived_at=None, reader_id=bob.pk)
    assert who_heard(heard()) == [(bob.pk, "create")]


@pytest.mark.parametrize("change", WAYS)
def test_what_comes_back_to_nobody_is_told_to_nobody(entry, heard, change):
    by_save(entry, archived_at=timezone.now())
    heard()
    change(entry, archived_at=None, reader_id=None)
    assert heard() == []


def test_an_update_with_a_time_of_long_ago_leaves_a_notice(entry, heard, alice):
    Entry.objects.update(archived_at=timezone.now(), changed_at=timezone.now() - timedelta(days=1))
    assert who_heard(heard()) == [(alice.pk, "destroy")]
    assert Notice.objects.filter(is_destroy=True).count() == 1


def test_what_was_gone_when_it_was_made_is_not_told(entries, heard, alice):
    Entry.objects.bulk_create([Entry(reader=alice, archived_at=timezone.now()), Entry(reader=alice)])
    assert who_heard(heard()) == [(alice.pk, "create")]


def test_rows_of_an_audience_come_back_by_one_query(told, settings, board, alice, bob):
    """The cards of teams have no announced queryset; this is what it calls."""
    settings.CABLE = {**settings.CABLE, "RESOURCES": resources(deleted_at="archived_at")}
    cards = [Card.objects.create(board=board, archived_at=timezone.now()) for _ in range(3)]
    cards[0].watchers.add(bob)
    told.clear()
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        before = rows_before(Card._base_manager.all(), "default")
        Card._base_manager.update(archived_at=None, updated_at=timezone.now())
        announce_updated(before, "default")
    created = [("create", "cards", card.pk, alice.pk) for card in cards]
    assert sorted(told) == sorted([*created, ("create", "cards", cards[0].pk, bob.pk)])
    # Before the commit, and after it.
    assert sum("teams_membership" in query["sql"] for query in queries) == 2


# Upserts


def upsert(*entries, by=("code",)):
    names = ["reader", "title", "changed_at"]
    options = {"update_conflicts": True, "unique_fields": by, "update_fields": names}
    return Entry.objects.bulk_create(entries, **options)


def test_an_upsert_updates_what_is_there_and_creates_the_rest(entry, heard, alice):
    upsert(Entry(reader=alice, code="x"), Entry(reader=alice, code="y"), Entry(reader=alice))
    assert who_heard(heard()) == sorted([(alice.pk, "update"), (alice.pk, "create"), (alice.pk, "create")])


@pytest.mark.parametrize("by", ["code", "pk", "id"])
def test_an_upsert_that_moves_a_row_is_told_to_both(entry, heard, alice, bob, by):
    row = Entry(reader=bob, code="x") if by == "code" else Entry(pk=str(entry.pk), reader=bob, code="x")
    upsert(row, by=[by])
    assert who_heard(heard()) == sorted([(alice.pk, "update"), (bob.pk, "create")])


def test_a_key_that_the_upsert_did_not_use_is_not_that_of_the_row(entry, heard, alice, bob):
    """As of a model whose keys are made beforehand: what is there keeps its own."""
    upsert(Entry(pk=entry.pk + 1000, reader=bob, code="x"))
    told = heard()
    assert who_heard(told) == sorted([(alice.pk, "update"), (bob.pk, "create")])
    assert {change.pk for change in told} == {entry.pk}


def test_options_may_be_positional_and_rows_an_iterator(entry, heard, alice):
    made = (Entry(reader=alice, code=code) for code in "xy")
    Entry.objects.bulk_create(made, None, False, True, ["reader", "changed_at"], ["code"])
    assert who_heard(heard()) == sorted([(alice.pk, "update"), (alice.pk, "create")])


def test_an_upsert_of_nothing_or_of_what_the_database_computes(entries, heard, alice):
    upsert()
    upsert(Entry(reader=alice, code=Lower(Value("X"))))
    assert who_heard(heard()) == [(alice.pk, "create")]


def test_of_several_columns_all_have_to_be_those_of_one_row(entries, alice, bob):
    """Each of these has an owner and a title of what is made; one has both of the same."""
    there = [Entry(reader=reader, title=title) for reader, title in [(alice, "a"), (alice, "b"), (bob, "c")]]
    Entry.objects.bulk_create(there)
    made = [Entry(reader=alice, title="a"), Entry(reader=bob, title="b")]
    [found] = rows_in_the_way(Entry, made, ["reader", "title"], "default")
    assert list(found.rows) == [there[0].pk]


def test_the_price_is_what_the_docs_say(entry, alice):
    def selects(do):
        with CaptureQueriesContext(connection) as queries:
            do()
        return sum(query["sql"].startswith("SELECT") for query in queries)

    assert selects(lambda: upsert(Entry(reader=alice, code="x"))) == 2
    assert selects(lambda: Entry.objects.bulk_create([Entry(reader=alice)])) == 1
    assert selects(lambda: Entry.objects.update(archived_at=timezone.now())) == 2
    assert selects(lambda: Entry.objects.update(archived_at=None)) == 2

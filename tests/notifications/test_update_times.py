"""Update times as other people have them: each change is told so that clients refetch, at what cost."""

from datetime import datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import notifications
from notifications.changes import saved
from notifications.changes.history import microseconds_now
from notifications.changes.recent import RecentChanges
from tests.strangers.models import Bare, Book, Car, Draft, Note, Paperback, Vehicle
from tests.strangers.told import found_again, named, updated_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def warned(monkeypatch):
    """The pairs of model and problem that were warned of."""
    found = set()
    monkeypatch.setattr(saved, "_warned", found)
    return found


# The update time that does not move


def of_old(model, user, **columns):
    """A row that was changed an hour ago, as its table has it."""
    row = model.objects.create(reader=user, **columns)
    an_hour_ago = timezone.now() - timedelta(hours=1)
    model.objects.filter(pk=row.pk).update(added_at=an_hour_ago, changed_at=an_hour_ago)
    return model.objects.get(pk=row.pk)


def saved_by_update_fields(row):
    row.title = "Dune"
    row.save(update_fields=["title"])


def saved_after_only(row):
    part = type(row).objects.only("title").get(pk=row.pk)
    part.title = "Dune"
    part.save()


def saved_after_defer(row):
    part = type(row).objects.defer("changed_at").get(pk=row.pk)
    part.title = "Dune"
    part.save()


@pytest.mark.parametrize("change", [saved_by_update_fields, saved_after_only, saved_after_defer])
@pytest.mark.parametrize("ago", [timedelta(), timedelta(hours=1)])
def test_a_save_that_leaves_out_the_update_time_makes_clients_refetch_and_warns_once(
    alice, announce, heard, warned, caplog, change, ago
):
    announce(books=Book)
    row = of_old(Book, alice)
    if not ago:
        row.save()
    heard()
    change(row)
    [told] = heard()
    assert told.user_id == alice.pk
    # Clients compare whole seconds.
    assert updated_at(told) > int(Book.objects.get(pk=row.pk).changed_at.timestamp())
    change(row)
    assert updated_at(heard()[0]) > int(row.changed_at.timestamp())
    [warning] = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "strangers.Book" in warning.getMessage()
    assert "changed_at" in warning.getMessage()


def test_a_time_that_nobody_moves_is_warned_of_too(alice, announce, heard, caplog):
    announce(notes=Note)
    row = of_old(Note, alice)
    heard()
    row.save()
    assert updated_at(heard()[0]) > int(row.changed_at.timestamp())
    assert "strangers.Note was saved with the changed_at that it had before" in caplog.text


def test_a_time_that_moves_is_told_as_it_is(alice, announce, heard, caplog):
    announce(notes=Note)
    row = of_old(Note, alice)
    heard()
    row.changed_at = timezone.now()
    row.save()
    assert updated_at(heard()[0]) == int(row.changed_at.timestamp())
    assert "strangers" not in caplog.text


def test_a_time_of_long_ago_makes_clients_refetch_and_is_warned_of(alice, announce, heard, caplog):
    announce(notes=Note)
    row = of_old(Note, alice)
    heard()
    row.changed_at += timedelta(minutes=1)
    row.save()
    assert updated_at(heard()[0]) > int(row.changed_at.timestamp())
    assert "strangers.Note was saved with a changed_at of long ago" in caplog.text


def test_two_saves_at_one_time_of_the_clock_are_nobodys_mistake(alice, announce, heard, caplog, monkeypatch):
    announce(books=Book)
    now = timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    row = Book.objects.create(reader=alice)
    row.save()
    _, updated = heard()
    assert updated_at(updated) > int(now.timestamp())
    assert "strangers" not in caplog.text


def test_what_no_table_holds_is_neither_taken_for_known_nor_makes_known(alice, announce, heard):
    """Also where the clock is monotonic: a later version with an earlier time would be swallowed."""
    announce(books=Book, config={"monotonic": True})
    row = Book.objects.create(reader=alice)
    heard()
    recent = RecentChanges({"books"})
    saved_by_update_fields(row)
    [told] = heard()
    assert recent.note(told)
    assert not recent.delivered(told)
    row.save()
    [later] = heard()
    assert later.time <= told.time
    assert recent.note(later)
    assert recent.note(told)


def test_of_two_saves_of_a_transaction_the_one_without_a_time_makes_clients_refetch(alice, announce, heard):
    announce(books=Book)
    row = of_old(Book, alice)
    heard()
    with transaction.atomic():
        row.save()
        saved_by_update_fields(row)
    [told] = heard()
    assert updated_at(told) > int(row.changed_at.timestamp())


def test_an_owner_that_was_assigned_and_not_saved_hears_nothing(alice, bob, announce, heard):
    announce(books=Book)
    row = of_old(Book, alice)
    heard()
    part = Book.objects.only("title").get(pk=row.pk)
    part.reader = bob
    part.save(update_fields=["title"])
    assert [change.user_id for change in heard()] == [alice.pk]


# What an announcement costs

COSTS = [
    (lambda rows: rows, 0),
    (lambda rows: rows.defer("added_at"), 0),
    (lambda rows: rows.defer("title"), 0),
    (lambda rows: rows.defer("changed_at"), 0),
    (lambda rows: rows.defer("reader"), 1),
    (lambda rows: rows.only("title"), 1),
    (lambda rows: rows.only("title", "reader"), 0),
    (lambda rows: rows.only("title", "changed_at"), 1),
]


@pytest.mark.parametrize(("read", "cost"), COSTS)
def test_only_what_is_needed_and_not_known_is_read_by_one_query(
    alice, announce, heard, django_assert_num_queries, read, cost
):
    pk = Book.objects.create(reader=alice).pk
    announce(books=Book)
    row = read(Book.objects).get(pk=pk)
    row.title = "Dune"
    with django_assert_num_queries(1 + cost) as queries:
        row.save()
    assert all("title" not in query["sql"] for query in queries if query["sql"].startswith("SELECT"))
    assert named(heard()) == [("update", "books", row.pk)]


def ordinary_work(user):
    row = Book.objects.create(reader=user)
    row.save()
    row.title = "Dune"
    row.save(update_fields=["title", "changed_at"])
    Book.objects.update_or_create(pk=row.pk, defaults={"title": "Emma"})
    Book.objects.get_or_create(pk=row.pk)
    Paperback.objects.get(pk=row.pk).save()
    Car.objects.create(reader=user).save()
    with transaction.atomic():
        Vehicle.objects.get().save()
    list(Book.objects.defer("changed_at"))


def test_resources_cost_the_tests_of_their_project_no_query(alice, announce, heard, settings):
    settings.CABLE = {"RESOURCES": {}}
    with CaptureQueriesContext(connection) as without:
        ordinary_work(alice)
    Vehicle.objects.all().delete()
    announce(books=Book, vehicles=Vehicle, cars=Car)
    with CaptureQueriesContext(connection) as queries:
        ordinary_work(alice)
    assert len(queries) == len(without)
    assert len(heard()) == 10


# Times of other kinds


@pytest.mark.parametrize(
    "value",
    [Now(), F("added_at"), "2036-01-02T03:04:05Z", datetime(2036, 1, 2, 3, 4, 5)],
    ids=["Now", "F", "text", "naive"],
)
@pytest.mark.filterwarnings("ignore:DateTimeField .* received a naive datetime")
def test_a_time_that_is_no_time_yet_is_read_back(alice, announce, heard, value):
    announce(notes=Note)
    row = Note.objects.create(reader=alice, added_at=timezone.now() + timedelta(seconds=9))
    heard()
    row.changed_at = value
    row.save()
    [told] = heard()
    stored = Note.objects.get(pk=row.pk).changed_at
    assert updated_at(told) == int(stored.timestamp())
    assert told.is_in_tables


def test_a_row_without_a_time_is_told_live(alice, announce, heard):
    announce(drafts=Draft)
    row = Draft.objects.create(reader=alice)
    row.save()
    assert named(heard()) == [("create", "drafts", row.pk), ("update", "drafts", row.pk)]
    assert found_again(alice, 0) == []
    row.changed_at = timezone.now()
    row.save()
    assert named(heard()) == found_again(alice, 0) == [("update", "drafts", row.pk)]


def test_a_model_without_a_time_is_told_live(alice, announce, heard, caplog):
    announce(bare=Bare, config={"created_at": "", "updated_at": ""})
    before = microseconds_now()
    row = Bare.objects.create(reader=alice)
    row.save()
    created, updated = heard()
    assert named([created, updated]) == [("create", "bare", row.pk), ("update", "bare", row.pk)]
    assert updated_at(updated) * 1_000_000 > before
    assert notifications.notify(Bare.objects.all()) == 1
    assert named(heard()) == [("update", "bare", row.pk)]
    assert found_again(alice, 0) == []
    assert caplog.text == ""

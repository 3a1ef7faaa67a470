"""AnnouncedQuerySet: bulk changes are told, and found again."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from notifications.testing import captured_notifications
from notifications.wire.payloads import microseconds
from tests.strangers.models import Line
from tests.strangers.told import found_again, named, updated_at

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lines(alice, announce, heard):
    """Two of an hour ago."""
    announce(lines=Line)
    made = Line.objects.bulk_create([Line(reader=alice, title=title) for title in "ab"])
    an_hour_ago = timezone.now() - timedelta(hours=1)
    Line.objects.update(added_at=an_hour_ago, changed_at=an_hour_ago)
    heard()
    return [Line.objects.get(pk=line.pk) for line in made]


def updates(lines):
    return [("update", "lines", line.pk) for line in lines]


def test_what_is_created_in_bulk_is_told(alice, announce, heard):
    announce(lines=Line)
    made = Line.objects.bulk_create([Line(reader=alice) for _ in range(3)])
    made += Line.objects.bulk_create([Line(reader=None)])
    told = named(heard())
    assert told == [("create", "lines", line.pk) for line in made[:3]]
    assert [each for each in found_again(alice, 0) if each[0] == "create"] == told


def test_an_import_with_old_times_is_told(alice, announce, heard):
    announce(lines=Line)
    line = Line(reader=alice)
    Line._meta.get_field("changed_at").auto_now = False
    try:
        line.changed_at = datetime(2020, 1, 1, tzinfo=UTC)
        Line.objects.bulk_create([line])
    finally:
        Line._meta.get_field("changed_at").auto_now = True
    [told] = heard()
    assert (told.action, told.is_in_tables) == ("create", False)


CHANGES = {
    "update": lambda rows, _: rows.update(title="x"),
    "a filter that no longer holds": lambda rows, _: rows.filter(title__in="ab").update(title="x"),
    "an expression": lambda rows, _: rows.update(title=Concat(F("title"), Value("x"))),
    "ordered": lambda rows, _: rows.order_by("-title").update(title="x"),
    "bulk_update": lambda rows, lines: rows.bulk_update(lines, ["title"]),
    "bulk_update in batches": lambda rows, lines: rows.bulk_update(lines, ["title"], batch_size=1),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_is_changed_in_bulk_is_told_and_found_again(alice, lines, heard, kind):
    since = microseconds(timezone.now())
    CHANGES[kind](Line.objects, lines)
    told = heard()
    assert named(told) == updates(lines)
    assert all(change.is_in_tables for change in told)
    assert found_again(alice, since) == updates(lines)


def test_a_time_that_is_given_is_kept(lines, heard):
    at = timezone.now() + timedelta(minutes=1)
    Line.objects.update(changed_at=at)
    assert [updated_at(change) for change in heard()] == [int(at.timestamp())] * 2
    Line.objects.update(changed_at=at - timedelta(days=1))
    assert [change.is_in_tables for change in heard()] == [False] * 2


def test_owners_before_hear_of_it_as_well(alice, bob, lines, heard):
    Line.objects.filter(pk=lines[0].pk).update(reader=bob)
    assert [(change.user_id, change.action) for change in heard()] == [
        (alice.pk, "update"),
        (bob.pk, "create"),
    ]
    Line.objects.update(reader=None)
    assert {(change.user_id, change.action) for change in heard()} == {
        (bob.pk, "update"),
        (alice.pk, "update"),
    }


def test_they_are_in_the_batch_of_their_transaction(alice, lines):
    with captured_notifications() as batches, transaction.atomic():
        Line.objects.update(title="x")
        Line.objects.bulk_create([Line(reader=alice)])
        Line.objects.update(title="y")
        assert batches == []
    assert [len(batch) for batch in batches] == [3]


def test_what_is_rolled_back_is_not_told(lines, heard):
    with transaction.atomic():
        Line.objects.update(title="x")
        transaction.set_rollback(True)
    assert heard() == []


def selects(change):
    with CaptureQueriesContext(connection) as queries:
        change()
    return sum(query["sql"].startswith("SELECT") for query in queries)


def test_the_price_is_what_the_docs_say(alice, lines, settings):
    def create():
        Line.objects.bulk_create([Line(reader=alice)])

    assert selects(create) == 1
    assert selects(lambda: Line.objects.update(title="x")) == 2
    assert selects(lambda: Line.objects.filter(title="nope").update(title="x")) == 1
    settings.CABLE = {"RESOURCES": {}}
    assert selects(create) == 0
    assert selects(lambda: Line.objects.update(title="x")) == 0


def test_a_slice_is_refused_as_ever(lines, heard):
    with pytest.raises(TypeError, match="slice"):
        Line.objects.all()[:1].update(title="x")
    assert heard() == []


def test_a_single_save_is_told_once(lines, heard):
    lines[0].save()
    assert named(heard()) == updates(lines[:1])

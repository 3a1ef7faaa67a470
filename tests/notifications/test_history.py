"""changes_since: what the tables say."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F, Lookup
from django.utils import timezone

from notifications.changes import history
from notifications.changes.among import Among
from notifications.changes.history import (
    HistoryGone,
    TooMuchToReplay,
    changes_since,
    counted_from,
    overlap,
    resume_position,
)
from notifications.models import Epoch
from notifications.wire.payloads import microseconds
from notifications.wire.positions import MICROSECONDS
from notifications.wire.protocol import HistoryRequest
from projects.models import Project
from tasks.models import Task

pytestmark = pytest.mark.django_db

NOW = timezone.now()


def task(user, *, created=timedelta(), updated=timedelta()):
    """A task that was created and updated so long ago."""
    row = Task.objects.create(user=user, label="buy tea")
    Task.objects.filter(pk=row.pk).update(created_at=NOW - created, updated_at=NOW - updated)
    return row


def found(user, since=timedelta(), **options):
    """(action, id) of what changed for the user since so long ago, the overlap left out."""
    position = microseconds(NOW - since) + overlap()
    return [(each.action, each.pk) for each in changes_since([user.pk], position, **options)]


DAY, HOUR, MINUTE, SECOND = (timedelta(**{unit: 1}) for unit in ("days", "hours", "minutes", "seconds"))


def test_a_row_that_was_not_touched_since_says_nothing(alice):
    task(alice, created=DAY, updated=DAY)
    assert found(alice, since=HOUR) == []


def test_a_row_updated_since_is_an_update(alice):
    row = task(alice, created=DAY, updated=MINUTE)
    assert found(alice, since=HOUR) == [("update", row.pk)]


def test_a_row_created_since_is_a_creation(alice):
    row = task(alice, created=MINUTE, updated=MINUTE)
    assert found(alice, since=HOUR) == [("create", row.pk)]


def test_a_row_created_and_updated_since_is_both_in_this_order(alice):
    row = task(alice, created=2 * MINUTE, updated=MINUTE)
    assert found(alice, since=HOUR) == [("create", row.pk), ("update", row.pk)]


def test_reading_starts_an_overlap_before_the_position(alice):
    row = task(alice, created=DAY, updated=timedelta(seconds=50))
    assert [each.pk for each in changes_since([alice.pk], microseconds(NOW))] == [row.pk]


def test_the_oldest_comes_first_across_resources(alice):
    project = Project.objects.create(user=alice, name="Twin Peaks")
    Project.objects.update(created_at=NOW - DAY, updated_at=NOW - 2 * MINUTE)
    late, early = task(alice, created=DAY, updated=MINUTE), task(alice, created=DAY, updated=3 * MINUTE)
    changes = changes_since([alice.pk], microseconds(NOW - HOUR))
    assert [(each.resource, each.pk) for each in changes] == [
        ("tasks", early.pk),
        ("projects", project.pk),
        ("tasks", late.pk),
    ]


def test_nobody_reads_the_rows_of_another(alice, bob):
    task(bob, created=MINUTE, updated=MINUTE)
    assert found(alice, since=HOUR) == []


@pytest.mark.parametrize("number", [1, 30])
def test_there_is_one_query_per_resource_whatever_the_number_of_users(
    alice, bob, django_assert_num_queries, number
):
    with django_assert_num_queries(2):
        list(changes_since([alice.pk, bob.pk] * number, microseconds(NOW)))


def test_over_the_limit_nothing_at_all_is_replayed(alice):
    for _ in range(3):
        task(alice)
    assert len(found(alice, since=HOUR, limit=3)) == 3
    with pytest.raises(TooMuchToReplay):
        found(alice, since=HOUR, limit=2)


def test_a4_what_changed_before_the_position_does_not_count(alice):
    """As after a bulk change: whoever has refetched gets in, and is told what the overlap adds."""
    rows = [task(alice, created=DAY, updated=20 * SECOND) for _ in range(3)]
    changes = changes_since([alice.pk], microseconds(NOW - 10 * SECOND), limit=2)
    assert [each.pk for each in changes] == [row.pk for row in rows]
    with pytest.raises(TooMuchToReplay):
        changes_since([alice.pk], microseconds(NOW - 30 * SECOND), limit=2)


def test_a4_it_is_counted_from_where_the_caller_says(alice):
    for _ in range(3):
        task(alice, created=DAY, updated=20 * SECOND)
    certain, counted = microseconds(NOW - HOUR), microseconds(NOW - 10 * SECOND)
    assert len(list(changes_since([alice.pk], certain, limit=2, counted=counted))) == 3


def test_a4_the_resources_are_counted_together(alice):
    for _ in range(2):
        task(alice, created=DAY, updated=MINUTE)
        Project.objects.create(user=alice, name=f"Twin Peaks {Project.objects.count()}")
    with pytest.raises(TooMuchToReplay):
        found(alice, since=HOUR, limit=3)


def test_a4_what_runs_ahead_of_the_clock_does_not_count(alice):
    for _ in range(3):
        task(alice, created=DAY, updated=-DAY)
    assert len(found(alice, since=HOUR, limit=2)) == 3


def test_a4_a_since_names_a_whole_second_and_an_offset_a_microsecond():
    assert counted_from(HistoryRequest(since=5), 5 * MICROSECONDS) == 6 * MICROSECONDS
    assert counted_from(HistoryRequest(epoch="e", offset=5), 5) == 5


@pytest.fixture
def small_pages(monkeypatch):
    monkeypatch.setattr(history, "PAGE", 2)


def test_a4_pages_leave_nothing_out_where_many_rows_have_the_same_time(alice, small_pages):
    rows = [task(alice, created=DAY, updated=MINUTE) for _ in range(5)]
    rows += [task(alice, created=DAY, updated=age) for age in (30 * SECOND, 20 * SECOND, 20 * SECOND)]
    assert found(alice, since=HOUR) == [("update", row.pk) for row in rows]


def test_a4_a_row_that_changes_between_two_pages_comes_with_its_later_time(alice, small_pages):
    rows = [task(alice, created=DAY, updated=age) for age in (3 * MINUTE, 2 * MINUTE, MINUTE)]
    changes = changes_since([alice.pk], microseconds(NOW - HOUR))
    seen = [next(changes).pk]
    Task.objects.filter(pk__in=[rows[0].pk, rows[2].pk]).update(updated_at=NOW)
    seen += [each.pk for each in changes]
    assert seen == [rows[0].pk, rows[1].pk, rows[0].pk, rows[2].pk]


@pytest.mark.parametrize("position", [0, -1, 10**30])
def test_no_position_raises(alice, position):
    list(changes_since([alice.pk], position))


def resume(now=1_000 * MICROSECONDS, **request):
    return resume_position(HistoryRequest(**request), epoch="e", now=now)


def test_a_position_of_this_epoch_is_where_a_replay_starts():
    assert resume(epoch="e", offset=5) == 5


def test_since_is_read_as_seconds():
    assert resume(since=5) == 5 * MICROSECONDS


def test_without_either_there_is_nothing_to_replay():
    assert resume() is None


@pytest.mark.parametrize(
    "request_",
    [
        {"epoch": "other", "offset": 5},
        {"epoch": "e", "offset": 1_061 * MICROSECONDS},
        {"malformed": True},
        # A clock ten minutes ahead; milliseconds for seconds; whatever JSON can hold.
        {"since": 1_600},
        {"since": 1_000_000},
        {"since": float("inf")},
        {"since": 10**4_000},
    ],
)
def test_a_position_that_proves_nothing_is_refused(request_):
    with pytest.raises(HistoryGone):
        resume(**request_)


def test_a_position_somewhat_ahead_of_the_clock_is_accepted():
    assert resume(epoch="e", offset=1_059 * MICROSECONDS) == 1_059 * MICROSECONDS


def test_the_first_migration_made_an_epoch_and_it_stays():
    assert Epoch.current() == Epoch.current()
    assert Epoch.objects.count() == 1


def test_renewal_changes_the_epoch():
    before = Epoch.current()
    assert Epoch.renew() != before
    assert Epoch.current() != before


def test_tens_of_thousands_of_users_are_asked_for_by_one_query_per_resource(alice, django_assert_num_queries):
    row = task(alice, created=MINUTE, updated=MINUTE)
    others = range(alice.pk + 1, alice.pk + 50_000)
    with django_assert_num_queries(2):
        changes = list(changes_since([alice.pk, *others], microseconds(NOW - HOUR)))
    assert [each.pk for each in changes] == [row.pk]


def test_the_index_is_used_however_many_users_there_are(alice):
    plan = _rows_of(Task, range(1_000)).explain()
    assert "tasks_by_change" in plan or connection.vendor == "postgresql", plan


def test_17_what_asks_for_users_is_compared_with_nothing():
    """Django compares what is no lookup to True where booleans are numbers, and then no index is used."""
    assert isinstance(Among(F("user_id"), [1]), Lookup)


def _rows_of(model, users):
    return model.objects.filter(Among(F("user_id"), users), updated_at__gt=NOW).order_by("updated_at", "pk")

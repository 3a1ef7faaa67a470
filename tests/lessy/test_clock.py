from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import transaction
from django.db.models.signals import post_save
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from lessy.ground import clock
from lessy.ground.clock import tick
from tasks.models import Task
from tests.concurrency import together

MOMENT = datetime(2031, 5, 6, 12, 30, 15, 250_000, tzinfo=UTC)
moments = st.datetimes(datetime(2001, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@contextmanager
def announced() -> Iterator[list[dict]]:
    """What post_save says of tasks meanwhile."""
    heard: list[dict] = []

    def hear(**said: object) -> None:
        heard.append(said)

    post_save.connect(hear, sender=Task)
    try:
        yield heard
    finally:
        post_save.disconnect(hear, sender=Task)


def whole_seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def stored(task: Task) -> datetime:
    return Task.objects.get(pk=task.pk).updated_at


def set_clock(task: Task, moment: datetime) -> None:
    Task.objects.filter(pk=task.pk).update(updated_at=moment)


@pytest.fixture
def task(alice):
    return Task.objects.create(user=alice, label="buy tea")


# The rule itself


def test_a_first_version_is_of_now():
    assert tick(None, MOMENT) == MOMENT


def test_a_version_of_an_earlier_second_is_followed_by_now():
    assert tick(MOMENT - timedelta(seconds=1), MOMENT) == MOMENT


def test_a_version_of_this_second_is_followed_by_the_next_whole_second():
    assert tick(MOMENT, MOMENT + timedelta(milliseconds=1)) == MOMENT.replace(second=16, microsecond=0)


def test_a_version_ahead_of_the_clock_is_followed_by_its_own_next_second():
    ahead = MOMENT + timedelta(minutes=5)
    assert tick(ahead, MOMENT) == ahead.replace(microsecond=0) + timedelta(seconds=1)


@given(st.lists(moments, min_size=2, max_size=50))
def test_whatever_the_wall_clock_does_each_version_falls_into_a_later_second(nows):
    versions = [tick(None, nows[0])]
    for now in nows[1:]:
        versions.append(tick(versions[-1], now))
    seconds = [whole_seconds(version) for version in versions]
    assert seconds == sorted(set(seconds))


@given(moments, moments)
def test_a_version_is_never_older_than_now_and_never_needlessly_ahead(previous, now):
    version = tick(previous, now)
    assert version >= now
    assert version == now or version - previous <= timedelta(seconds=1)


# One row


@pytest.mark.django_db
def test_a_new_row_was_updated_exactly_when_it_was_created(alice):
    before = timezone.now()
    task = Task.objects.create(user=alice, label="buy tea")
    task.refresh_from_db()
    assert before <= task.created_at == task.updated_at <= timezone.now()


@pytest.mark.django_db
def test_saves_within_one_second_fall_into_different_seconds(task):
    seconds = [whole_seconds(task.updated_at)]
    for _ in range(5):
        task.save()
        seconds.append(whole_seconds(stored(task)))
    assert seconds == sorted(set(seconds))


@pytest.mark.django_db
def test_a_save_long_after_the_last_is_of_now(task):
    set_clock(task, timezone.now() - timedelta(days=1))
    before = timezone.now()
    task.save()
    assert before <= stored(task) <= timezone.now()


@pytest.mark.django_db
def test_the_previous_version_is_the_rows_and_not_the_instances(task):
    stale = Task.objects.get(pk=task.pk)
    ahead = timezone.now() + timedelta(hours=1)
    set_clock(task, ahead)
    stale.save()
    assert stored(task) == ahead.replace(microsecond=0) + timedelta(seconds=1)


@pytest.mark.django_db
def test_a_version_that_the_caller_made_up_is_not_taken(task):
    task.updated_at = MOMENT + timedelta(days=36_500)
    task.save()
    assert stored(task) < timezone.now() + timedelta(seconds=2)


@pytest.mark.django_db
def test_created_at_stays(task):
    created_at = task.created_at
    task.save()
    assert Task.objects.get(pk=task.pk).created_at == created_at


@pytest.mark.django_db
def test_update_fields_move_the_clock_too(task):
    before = stored(task)
    task.label = "buy milk"
    task.save(update_fields=["label"])
    assert whole_seconds(stored(task)) > whole_seconds(before)


@pytest.mark.django_db
def test_update_fields_write_no_other_column(task):
    task.label, task.planned_count = "buy milk", 7
    task.save(update_fields=["planned_count"])
    task.refresh_from_db()
    assert (task.label, task.planned_count) == ("buy tea", 7)


@pytest.mark.django_db
def test_no_update_fields_at_all_write_and_announce_nothing(task):
    before = stored(task)
    with announced() as heard:
        task.save(update_fields=[])
    assert (stored(task), heard) == (before, [])


@pytest.mark.django_db
def test_a_row_with_deferred_columns_moves_its_clock(task):
    Task.objects.only("label").get(pk=task.pk).save()
    assert whole_seconds(stored(task)) > whole_seconds(task.updated_at)


@pytest.mark.django_db
def test_a_key_given_by_the_caller_is_a_new_row_if_there_is_none(alice):
    task = Task(pk=4711, user=alice, label="buy tea")
    task.save()
    assert task.created_at == task.updated_at


@pytest.mark.django_db
def test_a_save_that_is_rolled_back_leaves_the_clock(task):
    before = stored(task)
    with transaction.atomic():
        task.save()
        transaction.set_rollback(True)
    assert stored(task) == before


@pytest.mark.django_db(transaction=True)
def test_parallel_saves_of_one_row_all_get_different_seconds(task):
    def save(copy: Task) -> int:
        copy.save()
        return whole_seconds(copy.updated_at)

    copies = [Task.objects.get(pk=task.pk) for _ in range(12)]
    seconds = together([partial(save, copy) for copy in copies])
    assert len({whole_seconds(task.updated_at), *seconds}) == 13
    assert whole_seconds(stored(task)) == max(seconds)


# Many rows


@pytest.fixture
def three(alice):
    return [Task.objects.create(user=alice, label=label) for label in ("buy tea", "drink tea", "sleep")]


@pytest.mark.django_db
def test_a_bulk_change_sets_the_columns_of_its_rows_alone(three):
    Task.objects.exclude(pk=three[1].pk).change(label="rest")
    assert list(Task.objects.values_list("label", flat=True)) == ["rest", "drink tea", "rest"]


@pytest.mark.django_db
def test_a_bulk_change_moves_every_clock_to_another_second(three):
    Task.objects.all().change(label="rest")
    assert all(whole_seconds(stored(task)) > whole_seconds(task.updated_at) for task in three)


@pytest.mark.django_db
def test_a_bulk_change_leaves_the_clocks_of_other_rows(three):
    Task.objects.filter(pk=three[0].pk).change(label="rest")
    assert [stored(task) for task in three[1:]] == [task.updated_at for task in three[1:]]


@pytest.mark.django_db
def test_in_a_bulk_change_only_rows_ahead_of_the_clock_go_further_ahead(three):
    ahead, now = timezone.now() + timedelta(hours=1), timezone.now()
    set_clock(three[0], ahead)
    set_clock(three[1], now - timedelta(hours=1))
    set_clock(three[2], ahead + timedelta(hours=1))
    Task.objects.all().change(label="rest")
    second = timedelta(seconds=1)
    assert stored(three[0]) == ahead.replace(microsecond=0) + second
    assert now <= stored(three[1]) <= timezone.now()
    assert stored(three[2]) == (ahead + timedelta(hours=1)).replace(microsecond=0) + second


@pytest.mark.django_db
def test_a_bulk_change_returns_the_rows_as_they_are_now(three):
    changed = Task.objects.order_by("-pk").change(label="rest")
    assert [(task.pk, task.label, task.updated_at) for task in changed] == [
        (task.pk, "rest", stored(task)) for task in three
    ]


@pytest.mark.django_db
def test_a_bulk_change_is_announced_as_if_each_row_had_been_saved(three):
    with announced() as heard:
        Task.objects.filter(pk__in=[three[0].pk, three[2].pk]).change(label="rest")
    assert [(said["instance"].pk, said["created"], said["raw"]) for said in heard] == [
        (three[0].pk, False, False),
        (three[2].pk, False, False),
    ]
    assert heard[0]["update_fields"] == {"label", "updated_at"}
    assert heard[0]["using"] == "default"


@pytest.mark.django_db
def test_a_bulk_change_of_no_rows_announces_nothing(three):
    with announced() as heard:
        assert Task.objects.none().change(label="rest") == []
        assert Task.objects.filter(label="nothing").change(label="rest") == []
    assert heard == []


@pytest.mark.django_db
def test_a_bulk_change_takes_two_queries_for_few_rows_and_for_many(alice, three, connection_queries):
    few = connection_queries(lambda: Task.objects.all().change(label="rest"))
    for number in range(60):
        Task.objects.create(user=alice, label=f"sleep {number}")
    many = connection_queries(lambda: Task.objects.all().change(label="rest"))
    assert (few, many) == (2, 2)


@pytest.fixture
def connection_queries():
    def count(call) -> int:
        connection = transaction.get_connection()
        with CaptureQueriesContext(connection) as queries:
            call()
        return len([query for query in queries if "SAVEPOINT" not in query["sql"]])

    return count


@pytest.mark.django_db
def test_a_bulk_change_of_more_rows_than_a_query_holds_changes_them_all(three, monkeypatch):
    monkeypatch.setattr(clock, "BATCH", 2)
    Task.objects.all().change(label="rest")
    assert set(Task.objects.values_list("label", flat=True)) == {"rest"}


@pytest.mark.django_db(transaction=True)
def test_bulk_changes_and_saves_in_parallel_all_get_different_seconds(three):
    def change() -> int:
        return next(whole_seconds(row.updated_at) for row in Task.objects.all().change(label="rest"))

    def save(copy: Task) -> int:
        copy.save()
        return whole_seconds(copy.updated_at)

    copies = [Task.objects.get(pk=three[0].pk) for _ in range(6)]
    calls = [partial(save, copy) for copy in copies] + [change] * 6
    seconds = together(calls)
    assert len({whole_seconds(three[0].updated_at), *seconds}) == 13


@pytest.mark.django_db
def test_rows_created_in_bulk_were_all_updated_when_they_were_created(alice):
    Task.objects.bulk_create(Task(user=alice, label="sleep", order=order) for order in range(3))
    times = {moment for pair in Task.objects.values_list("created_at", "updated_at") for moment in pair}
    assert len(times) == 1


@pytest.mark.django_db
def test_an_update_of_a_query_is_silent_and_leaves_the_clock(task):
    before = stored(task)
    with announced() as heard:
        Task.objects.filter(pk=task.pk).update(order=9)
    assert (stored(task), heard) == (before, [])

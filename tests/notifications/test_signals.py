"""What is announced: exactly what was committed."""

import contextlib

import pytest
from django.core import serializers
from django.db import transaction

import notifications
from lessy.accounts.models import User
from notifications.broker import publisher
from notifications.changes import transactions
from notifications.testing import captured_notifications
from notifications.wire.payloads import microseconds
from projects.models import Project
from tasks.models import Task

pytestmark = pytest.mark.django_db(transaction=True)


class Undone(Exception):
    pass


def actions(batch):
    return [(payload["action"], payload["id"]) for payload in batch]


def new_task(user, label="buy tea"):
    return Task.objects.create(user=user, label=label)


def test_a_new_row_is_announced_without_a_time(alice):
    with captured_notifications() as batches:
        task = new_task(alice)
    assert batches == [[{"action": "create#tasks", "id": task.pk}]]


def test_a_changed_row_is_announced_with_its_time_in_whole_seconds(alice):
    task = new_task(alice)
    with captured_notifications() as batches:
        task.save()
    updated_at = int(task.updated_at.timestamp())
    assert batches == [[{"action": "update#tasks", "id": task.pk, "updatedAt": updated_at}]]


def test_nothing_is_announced_before_the_commit(alice):
    with captured_notifications() as batches, transaction.atomic():
        new_task(alice)
        assert batches == []


def test_a_transaction_is_one_batch(alice):
    with captured_notifications() as batches, transaction.atomic():
        tasks = [new_task(alice) for _ in range(1_000)]
    assert [actions(batch) for batch in batches] == [[("create#tasks", task.pk) for task in tasks]]


def test_a_rolled_back_transaction_is_not_announced(alice):
    with captured_notifications() as batches:
        with contextlib.suppress(Undone), transaction.atomic():
            new_task(alice)
            raise Undone
        kept = new_task(alice)
    assert [actions(batch) for batch in batches] == [[("create#tasks", kept.pk)]]


def test_a_rolled_back_savepoint_is_not_announced_and_the_rest_is(alice):
    with captured_notifications() as batches, transaction.atomic():
        before = new_task(alice)
        with contextlib.suppress(Undone), transaction.atomic():
            new_task(alice)
            raise Undone
        after = new_task(alice)
    assert [actions(batch) for batch in batches] == [
        [("create#tasks", before.pk), ("create#tasks", after.pk)]
    ]


def test_a_creation_swallows_later_updates_of_its_transaction(alice):
    with captured_notifications() as batches, transaction.atomic():
        task = new_task(alice)
        task.save()
    assert [actions(batch) for batch in batches] == [[("create#tasks", task.pk)]]


def positions(monkeypatch):
    found = []
    monkeypatch.setattr(publisher, "publish", found.extend)
    return lambda: [change.position for change in found]


def test_a_creation_stands_for_the_row_as_it_was_announced(alice, monkeypatch):
    announced = positions(monkeypatch)
    with transaction.atomic():
        task = new_task(alice)
        task.save()
    assert task.updated_at > task.created_at
    assert announced() == [microseconds(task.updated_at)]


def test_of_several_updates_the_last_is_announced(alice):
    task = new_task(alice)
    with captured_notifications() as batches, transaction.atomic():
        task.save()
        task.save()
    updated_at = int(task.updated_at.timestamp())
    assert batches == [[{"action": "update#tasks", "id": task.pk, "updatedAt": updated_at}]]


def test_an_update_whose_creation_was_rolled_back_is_not_announced(alice):
    with captured_notifications() as batches, transaction.atomic():
        task = new_task(alice)
        with contextlib.suppress(Undone), transaction.atomic():
            task.save()
            raise Undone
    assert [actions(batch) for batch in batches] == [[("create#tasks", task.pk)]]


def test_projects_are_announced_and_other_models_are_not(alice):
    with captured_notifications() as batches:
        project = Project.objects.create(user=alice, name="Twin Peaks")
        alice.save()
    assert [actions(batch) for batch in batches] == [[("create#projects", project.pk)]]


def test_a_fixture_is_not_announced(alice):
    text = serializers.serialize("json", [new_task(alice)])
    with captured_notifications() as batches:
        for found in serializers.deserialize("json", text):
            found.save()
    assert batches == []


def test_a_failing_hook_of_somebody_else_does_not_silence_us(alice):
    def fail():
        raise Undone

    with captured_notifications() as batches, contextlib.suppress(Undone), transaction.atomic():
        transaction.on_commit(fail, robust=True)
        new_task(alice)
        transaction.on_commit(fail)
    assert len(batches) == 1


def test_a_failing_publisher_does_not_fail_the_save(alice, monkeypatch):
    monkeypatch.setattr("notifications.broker.publisher.publisher.enqueue", lambda outgoing: 1 / 0)
    task = new_task(alice)
    assert Task.objects.filter(pk=task.pk).exists()


def test_notify_announces_rows_changed_in_bulk(alice):
    tasks = [new_task(alice) for _ in range(3)]
    with captured_notifications() as batches, transaction.atomic():
        assert notifications.notify(Task.objects.filter(user=alice)) == 3
        assert batches == []
    assert sorted(actions(batches[0])) == [("update#tasks", task.pk) for task in tasks]


def test_notify_refuses_a_model_that_is_not_announced(alice):
    with pytest.raises(ValueError, match="User"):
        notifications.notify(User.objects.all())


def test_nothing_is_kept_of_transactions_that_are_over(alice):
    with captured_notifications(), contextlib.suppress(Undone), transaction.atomic():
        new_task(alice)
        raise Undone
    with captured_notifications():
        new_task(alice)
    connection = transaction.get_connection()
    assert not transactions.batch_of(connection.alias).parts


def test_a5_what_is_announced_to_one_owner_swallows_nothing_of_another(alice, bob, monkeypatch):
    announced = []
    monkeypatch.setattr(publisher, "publish", announced.extend)
    with transaction.atomic():
        hers, his = new_task(alice), new_task(bob)
        hers.save()
    assert [change.row for change in announced] == [
        (alice.pk, "tasks", hers.pk, "create"),
        (bob.pk, "tasks", his.pk, "create"),
    ]

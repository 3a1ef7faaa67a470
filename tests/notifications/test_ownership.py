"""Whoever gets a row hears of a create, whoever loses it of an update; the previous owner costs no query."""

import contextlib
import copy
import pickle

import pytest
from django.core import serializers
from django.db import transaction
from django.utils import timezone

from notifications import notify
from notifications.broker import publisher
from projects.models import Project
from tasks.models import Task

pytestmark = pytest.mark.django_db(transaction=True)


class Undone(Exception):
    pass


@pytest.fixture
def told(monkeypatch):
    """A function: what was announced since it was asked last, as (user, action)."""
    announced = []
    monkeypatch.setattr(publisher, "publish", announced.extend)

    def since_last_time():
        found = [(change.user_id, change.action) for change in announced]
        announced.clear()
        return found

    return since_last_time


@pytest.fixture
def task(alice, told):
    row = Task.objects.create(user=alice, label="tea")
    told()
    return row


def move(task, user, **options):
    task.user = user
    task.save(**options)


def test_a5_an_owner_changed_in_the_creating_transaction_is_the_only_one(alice, bob, told):
    with transaction.atomic():
        task = Task.objects.create(user=alice, label="tea")
        move(task, bob)
    assert told() == [(bob.pk, "create")]


def test_a5_the_new_owner_hears_of_a_create_and_the_old_one_of_an_update(task, alice, bob, told):
    move(task, bob)
    assert told() == [(alice.pk, "update"), (bob.pk, "create")]
    task.save()
    assert told() == [(bob.pk, "update")]


def test_a5_the_old_owner_is_told_the_new_time(task, alice, bob, monkeypatch):
    announced = []
    monkeypatch.setattr(publisher, "publish", announced.extend)
    move(task, bob)
    assert f'"updatedAt":{int(task.updated_at.timestamp())}' in announced[0].payload


def test_a5_an_instance_that_was_read_knows_its_owner(task, alice, bob, told, django_assert_num_queries):
    found = Task.objects.get(pk=task.pk)
    with django_assert_num_queries(4):  # BEGIN, the clock, the row, COMMIT: as any save
        move(found, bob)
    assert told() == [(alice.pk, "update"), (bob.pk, "create")]


def test_a5_owners_may_be_assigned_by_their_key_as_text(task, alice, bob, told):
    task.user_id = str(alice.pk)
    task.save()
    assert told() == [(alice.pk, "update")]
    task.user_id = str(bob.pk)
    task.save()
    assert told() == [(alice.pk, "update"), (bob.pk, "create")]


def test_a5_a_move_that_was_rolled_back_was_none(task, alice, bob, told):
    with contextlib.suppress(Undone), transaction.atomic():
        move(task, bob)
        raise Undone
    assert told() == []
    task.save()  # the instance still says bob
    assert told() == [(alice.pk, "update"), (bob.pk, "create")]


def test_a5_a_move_in_a_savepoint_that_was_rolled_back_was_none(task, alice, bob, told):
    with transaction.atomic():
        with contextlib.suppress(Undone), transaction.atomic():
            move(task, bob)
            raise Undone
        move(task, alice)
    assert told() == [(alice.pk, "update")]
    move(task, bob)
    assert told() == [(alice.pk, "update"), (bob.pk, "create")]


def test_a5_moves_in_savepoints_within_each_other_are_undone_one_by_one(task, alice, bob, told):
    with transaction.atomic():
        with contextlib.suppress(Undone), transaction.atomic():
            move(task, bob)
            with contextlib.suppress(Undone), transaction.atomic():
                move(task, alice)
                raise Undone
            # Back to bob, whose row it is here; and then that, too, is undone.
            task.save()
            raise Undone
        task.save()
    assert told() == [(alice.pk, "update")]


def test_a5_a_creation_that_was_rolled_back_and_repeated_is_a_create(alice, bob, told):
    task = Task(user=alice, label="tea")
    with contextlib.suppress(Undone), transaction.atomic():
        task.save()
        raise Undone
    move(task, bob)
    assert told() == [(bob.pk, "create")]


def test_a5_there_and_back_again_is_an_update(task, alice, bob, told):
    with transaction.atomic():
        move(task, bob)
        move(task, alice)
    assert told() == [(alice.pk, "update")]


def test_a5_an_owner_that_was_assigned_and_not_saved_is_none(task, alice, bob, told):
    task.user = bob
    task.save(update_fields=["label"])
    assert told() == [(alice.pk, "update")]
    task.save(update_fields=["user_id"])
    assert told() == [(alice.pk, "update"), (bob.pk, "create")]


def test_a5_copies_and_pickles_know_their_owner(task, alice, bob, told):
    with transaction.atomic():
        move(task, bob)
        copied = copy.deepcopy(task)
        stored = pickle.dumps(task)
    told()
    move(copied, alice)
    assert told() == [(bob.pk, "update"), (alice.pk, "create")]
    move(pickle.loads(stored), alice)
    assert told() == [(bob.pk, "update"), (alice.pk, "create")]


def test_a5_many_rows_that_change_their_owner_at_once_are_told_to_both(task, alice, bob, told):
    Task.objects.filter(pk=task.pk).change(user=bob)
    assert told() == [(alice.pk, "update"), (bob.pk, "create")]


def test_an_owner_that_was_not_read_is_not_known(task, alice, bob, told, django_assert_num_queries):
    with django_assert_num_queries(1):
        found = Task.objects.only("label").get(pk=task.pk)
    move(found, bob)
    assert told() == [(bob.pk, "update")]


def test_rows_that_changed_their_owner_silently_are_announced_to_the_one_of_now(task, bob, told):
    rows = Task.objects.filter(pk=task.pk)
    rows.update(user=bob, updated_at=timezone.now())
    notify(rows)
    assert told() == [(bob.pk, "update")]


def test_a_fixture_that_was_loaded_is_not_announced(task, told):
    for found in serializers.deserialize("json", serializers.serialize("json", [task])):
        found.save()
    assert told() == []


def test_a5_a_row_may_lose_its_owner_and_get_one(alice, told, settings):
    """With projects for owners, because a task may have none."""
    settings.CABLE = settings.CABLE | {"RESOURCES": {"tasks": {"model": "tasks.Task", "owner": "project"}}}
    project = Project.objects.create(user=alice, name="Twin Peaks")
    task = Task.objects.create(user=alice, label="tea", project=project)
    assert told() == [(project.pk, "create")]
    for owner, expected in ((None, "update"), (project, "create")):
        found = Task.objects.get(pk=task.pk)
        found.project = owner
        found.save()
        assert told() == [(project.pk, expected)]
    Task.objects.create(user=alice, label="coffee").save()
    assert told() == []

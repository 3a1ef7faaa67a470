"""What requests at the same moment must not break: on SQLite they queue, on PostgreSQL they overlap."""

from functools import partial

import pytest
from django.utils import timezone

from projects.services import project_change_state
from tasks.models import Task
from tasks.services import task_change_state, task_create, task_move, task_update
from tests.concurrency import together
from tests.projects.conftest import project_in

pytestmark = pytest.mark.django_db(transaction=True)


def test_20_tasks_created_at_once_get_20_orders(alice):
    create = partial(task_create, user=alice, label="buy tea", project_id=None, dates={})
    created = together([create] * 20)
    assert sorted(task.order for task in created) == list(range(1, 21))


def test_tasks_created_outside_of_services_get_orders_of_their_own_too(alice):
    create = partial(Task.objects.create, user=alice, label="buy tea")
    together([create] * 8)
    assert sorted(Task.objects.values_list("order", flat=True)) == list(range(1, 9))


def test_tasks_moved_at_once_stay_a_permutation(alice, new_task):
    tasks = [new_task() for _ in range(12)]
    moves = [partial(task_move, task=task, order=13 - task.order) for task in tasks]
    assert not [answer for answer in together(moves) if isinstance(answer, Exception)]
    assert sorted(Task.objects.values_list("order", flat=True)) == list(range(1, 13))


def test_tasks_moved_and_created_at_once_never_share_a_place(alice, new_task):
    tasks = [new_task() for _ in range(6)]
    moves = [partial(task_move, task=task, order=7 - task.order) for task in tasks]
    create = partial(task_create, user=alice, label="buy tea", project_id=None, dates={})
    together([*moves, *[create] * 6])
    assert sorted(Task.objects.values_list("order", flat=True)) == list(range(1, 13))


def test_a_task_finished_once_is_not_finished_twice(new_task):
    task = new_task("planned")
    copies = [Task.objects.get(pk=task.pk) for _ in range(6)]
    answers = together([partial(task_change_state, task=copy, state="finished") for copy in copies])
    assert len([answer for answer in answers if isinstance(answer, Exception)]) == 5


def test_plannings_at_once_all_count(new_task):
    task = new_task("planned", planned_count=0)
    copies = [Task.objects.get(pk=task.pk) for _ in range(8)]
    together([partial(task_change_state, task=copy, state="planned") for copy in copies])
    assert Task.objects.get().planned_count == 8


def test_a_rename_does_not_undo_a_planning(new_task):
    task = new_task("started")
    stale = Task.objects.get(pk=task.pk)
    task_change_state(task=task, state="planned")
    task_update(task=stale, changes={"label": "sleep"})
    stored = Task.objects.get()
    assert (stored.state, stored.planned_count, stored.label) == ("planned", 1, "sleep")


def test_a_rename_during_the_start_of_its_project_never_leaves_the_task_behind(alice, new_task):
    project = project_in(alice, "newed")
    tasks = [new_task("newed", project=project) for _ in range(6)]
    start = partial(
        project_change_state, project=project, state="started", due_at=timezone.now().replace(year=2100)
    )
    renames = [partial(task_update, task=task, changes={"label": "sleep"}) for task in tasks]
    answers = together([start, *renames])
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert set(Task.objects.values_list("state", "label")) == {("started", "sleep")}

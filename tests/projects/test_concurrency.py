"""What requests at the same moment must not break: on SQLite they queue, on PostgreSQL they overlap."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from lessy.api.errors import ApiError
from projects.models import Project
from projects.services import project_change_state, project_create, project_delete, project_update
from tasks.models import Task
from tests.concurrency import together
from tests.tasks.conftest import task_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("state", ["newed", "paused"])
def test_of_10_projects_started_at_once_3_are_started(new_project, state):
    projects = [new_project(state, name=f"number {number}") for number in range(10)]
    due_at = timezone.now() + timedelta(days=1)
    starts = [partial(project_change_state, project=p, state="started", due_at=due_at) for p in projects]
    answers = together(starts)
    assert Project.objects.filter(state="started").count() == 3
    assert len([answer for answer in answers if isinstance(answer, ApiError)]) == 7


def test_of_projects_created_at_once_with_one_slug_one_is_created(alice):
    answers = together([partial(project_create, user=alice, name="Laura")] * 8)
    assert Project.objects.count() == 1
    assert len([answer for answer in answers if isinstance(answer, Project)]) == 1


def test_a_rename_does_not_undo_a_pause(new_project):
    project = new_project("started")
    stale = Project.objects.get(pk=project.pk)
    project_change_state(project=project, state="paused")
    project_update(project=stale, changes={"name": "Dale"})
    assert Project.objects.values_list("state", "name").get() == ("paused", "Dale")


def test_what_was_deleted_meanwhile_is_not_found(new_project):
    project = new_project()
    stale = Project.objects.get(pk=project.pk)
    project_delete(project=project)
    for change in (partial(project_update, changes={"name": "Dale"}), project_delete):
        with pytest.raises(ApiError) as refusal:
            change(project=stale)
        assert refusal.value.status_code == 404
    assert not Project.objects.exists()


def test_a_start_and_a_deletion_at_once_leave_every_task_abandoned(alice, new_project):
    project = new_project()
    for _ in range(5):
        task_in(alice, "newed", project=project)
    stale = Project.objects.get(pk=project.pk)
    due_at = timezone.now() + timedelta(days=1)
    start = partial(project_change_state, project=stale, state="started", due_at=due_at)
    together([start, partial(project_delete, project=project)])
    assert set(Task.objects.values_list("state", "project")) == {("abandoned", None)}

import pytest
from django.core.exceptions import ValidationError

from tasks.models import Task
from tests.clocks import later_second
from tests.projects.conftest import project_in

pytestmark = pytest.mark.django_db


def test_a_task_created_anywhere_comes_last(alice, new_task):
    new_task("abandoned", order=41)
    assert Task.objects.create(user=alice, label="sleep").order == 42


def test_an_order_that_is_given_stays(alice):
    assert Task.objects.create(user=alice, label="sleep", order=0).order == 0


def test_a_saved_task_keeps_its_order(new_task):
    task = new_task(order=7)
    task.save()
    assert Task.objects.get().order == 7


def test_a_form_hears_of_every_broken_rule(alice, bob):
    task = Task(user=alice, label=" ", state="planned", project=project_in(bob, "newed"), order=1)
    with pytest.raises(ValidationError) as refusal:
        task.full_clean()
    assert refusal.value.message_dict["__all__"] == [
        "started_at: must_be_set",
        "planned_at: must_be_set",
        "label: blank",
        "project: belongs to another user",
    ]


def test_kept_tasks_are_those_not_abandoned(alice, new_task):
    kept = [new_task(state) for state in ("newed", "started", "planned", "finished")]
    new_task("abandoned")
    assert list(Task.objects.all().kept()) == kept


def test_a_bulk_move_makes_new_versions(new_task):
    task = new_task("started")
    [moved] = Task.objects.all().hold()
    assert (moved.state, moved.started_at) == ("newed", None)
    assert later_second(Task.objects.get().updated_at, task.updated_at)


def test_a_task_is_called_by_its_label(new_task):
    assert str(new_task(label="sleep")) == "sleep"

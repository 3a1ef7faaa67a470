import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from projects.models import Project
from tasks.models import Task
from tests.tasks.conftest import task_in

pytestmark = pytest.mark.django_db


def test_whoever_saves_a_project_gets_its_slug_recomputed(new_project):
    project = new_project(name="Laura Palmer")
    project.name = "Dale Cooper"
    project.save(update_fields=["name"])
    assert Project.objects.get().slug == "dale-cooper"


def test_the_database_itself_keeps_slugs_apart(new_project):
    new_project(name="Laura")
    with pytest.raises(IntegrityError), transaction.atomic():
        new_project(name="laura?")


def test_whoever_deletes_a_project_abandons_its_tasks(alice, new_project):
    project = new_project()
    task_in(alice, "started", project=project)
    project.delete()
    assert Task.objects.values_list("state", "project").get() == ("abandoned", None)


def test_projects_and_tasks_go_with_their_user(alice, new_project, announced):
    task_in(alice, "started", project=new_project())
    with announced() as heard:
        alice.delete()
    assert not Project.objects.exists()
    assert not Task.objects.exists()
    assert heard == []


def test_a_form_hears_of_every_broken_rule(alice):
    project = Project(user=alice, name="???", state="started")
    with pytest.raises(ValidationError) as refusal:
        project.full_clean()
    assert refusal.value.message_dict["__all__"] == [
        "started_at: must_be_set",
        "due_at: must_be_set",
        "slug: blank",
        "slug: invalid",
    ]


def test_a_project_is_called_by_its_name(new_project):
    assert str(new_project(name="Laura")) == "Laura"

import pytest
from django.urls import reverse

from projects.models import Project
from tasks.models import Task
from tests.clocks import later_second
from tests.tasks.conftest import task_in

pytestmark = pytest.mark.django_db
LIST = reverse("admin:projects_project_changelist")
ADD = reverse("admin:projects_project_add")


def change_of(project: Project) -> str:
    return reverse("admin:projects_project_change", args=[project.pk])


def test_the_list_shows_searches_and_filters(admin_client, new_project):
    new_project(name="Laura Palmer")
    new_project("paused", name="Dale Cooper")
    page = admin_client.get(LIST, {"q": "palmer", "state": "newed"}).content.decode()
    assert "Laura Palmer" in page
    assert "Dale Cooper" not in page


def test_a_change_is_saved_and_announced_like_any_other(admin_client, new_project, announced):
    project = new_project("newed")
    with announced() as heard:
        answer = admin_client.post(change_of(project), {"name": "Dale", "description": "agent"})
    stored = Project.objects.get()
    assert answer.status_code == 302
    assert (stored.name, stored.slug, stored.description) == ("Dale", "dale", "agent")
    assert later_second(stored.updated_at, project.updated_at)
    assert heard == [(Project, project.pk, False)]


@pytest.mark.parametrize(
    "fields", [{"name": "???"}, {"name": "Dale", "due_at_0": "2041-05-06", "due_at_1": "10:00"}]
)
def test_what_the_rules_forbid_is_refused(admin_client, new_project, fields):
    project = new_project("newed")
    assert admin_client.post(change_of(project), fields).status_code == 200
    assert Project.objects.get().name == project.name


def test_the_state_is_not_for_the_form(admin_client, new_project):
    project = new_project("newed")
    admin_client.post(change_of(project), {"name": "Dale", "state": "finished"})
    assert Project.objects.get().state == "newed"


def test_the_owner_stays(admin_client, new_project, bob):
    project = new_project("newed")
    admin_client.post(change_of(project), {"name": "Dale", "user": bob.pk})
    assert Project.objects.get().user == project.user


def test_a_project_is_added(admin_client, alice):
    assert admin_client.get(ADD).status_code == 200
    admin_client.post(ADD, {"user": alice.pk, "name": "Laura"})
    assert Project.objects.values_list("user", "slug", "state").get() == (alice.pk, "laura", "newed")


def test_a_taken_slug_is_refused_when_adding(admin_client, alice, new_project):
    new_project(name="Laura")
    answer = admin_client.post(ADD, {"user": alice.pk, "name": "laura!"})
    assert "slug: taken" in answer.content.decode()
    assert Project.objects.count() == 1


def test_deletion_abandons_the_tasks(admin_client, alice, new_project):
    project = new_project()
    task_in(alice, "started", project=project)
    admin_client.post(reverse("admin:projects_project_delete", args=[project.pk]), {"post": "yes"})
    assert Task.objects.get().state == "abandoned"


def test_deletion_of_many_abandons_their_tasks(admin_client, alice, new_project):
    projects = [new_project(name=name) for name in ("Laura", "Dale")]
    for project in projects:
        task_in(alice, "started", project=project)
    chosen = {"action": "delete_selected", "_selected_action": [p.pk for p in projects], "post": "yes"}
    admin_client.post(LIST, chosen)
    assert not Project.objects.exists()
    assert set(Task.objects.values_list("state", flat=True)) == {"abandoned"}

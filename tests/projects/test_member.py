"""GET, PATCH and DELETE /api/projects/:id"""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from projects.models import DATES, Project
from tasks.models import Task
from tests.api import Api
from tests.clocks import later_second
from tests.nonsense import NOT_JSON, NOT_OBJECTS, twisted
from tests.tasks.conftest import task_in

pytestmark = pytest.mark.django_db

MISSING = ["0", "-1", "999999", "99999999999999999999", "x", "1x", "１", "%00", "1.0", "💥", "null"]


@pytest.fixture
def project(new_project):
    return new_project("started", name="Laura Palmer", description="*wrapped*")


@pytest.fixture
def path(project):
    return f"projects/{project.pk}"


def columns(project: Project) -> dict:
    return Project.objects.filter(pk=project.pk).values().get()


# Show


def test_a_project_is_shown_with_the_tasks_that_are_kept(alice, alice_api, project, path):
    kept = [task_in(alice, state, project=project) for state in ("newed", "started", "planned", "finished")]
    task_in(alice, "abandoned", project=project)
    answer = alice_api.get(path)
    assert (answer.status, answer.data["id"], answer.data["type"]) == (200, project.pk, "project")
    assert answer.data["attributes"]["description"] == "*wrapped*"
    assert [task["id"] for task in answer.data["relationships"]["tasks"]["data"]] == [
        task.pk for task in kept
    ]


@pytest.mark.parametrize("verb", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize("pk", MISSING)
def test_what_is_no_project_is_not_found(alice_api, project, verb, pk):
    answer = alice_api.call(verb, f"projects/{pk}", {"name": "Dale"})
    assert answer.refused == (404, [("record_not_found", "/project")])


@pytest.mark.parametrize("verb", ["GET", "PATCH", "DELETE"])
def test_another_users_project_is_not_found(bob_api, project, path, verb):
    before = columns(project)
    assert bob_api.call(verb, path, {"name": "Dale"}).refused == (404, [("record_not_found", "/project")])
    assert columns(project) == before


@pytest.mark.parametrize("verb", ["GET", "PATCH", "DELETE"])
def test_nobody_is_unauthorized(project, path, verb):
    before = columns(project)
    assert Api().call(verb, path, {"name": "Dale"}).refused == (401, [("unauthorized", None)])
    assert columns(project) == before


@pytest.mark.parametrize("verb", ["GET", "PATCH", "DELETE"])
def test_without_accepted_terms_nothing_goes(alice_api, unaccepted_terms, project, path, verb):
    before = columns(project)
    assert alice_api.call(verb, path, {"name": "Dale"}).refused == (403, [("tos_not_accepted", None)])
    assert columns(project) == before


@pytest.mark.parametrize("verb", ["POST", "PUT"])
def test_other_verbs_are_missing_endpoints(alice_api, path, verb):
    assert alice_api.call(verb, path, {"name": "Dale"}).refused == (404, [("missing_endpoint", None)])


# Update


def test_a_new_name_makes_a_new_slug_and_a_new_version(alice_api, project, path):
    answer = alice_api.patch(path, {"project": {"name": "Dale Cooper"}})
    stored = Project.objects.get()
    assert answer.status == 200
    assert (answer.data["attributes"]["name"], answer.data["attributes"]["slug"]) == (
        "Dale Cooper",
        "dale-cooper",
    )
    assert (stored.name, stored.slug, stored.description) == ("Dale Cooper", "dale-cooper", "*wrapped*")
    assert later_second(stored.updated_at, project.updated_at)


def test_an_unwrapped_body_updates_as_well(alice_api, path):
    answer = alice_api.patch(path, {"name": "Dale", "description": "agent", "dueAt": "2041-05-06"})
    attributes = answer.data["attributes"]
    assert (attributes["name"], attributes["description"]) == ("Dale", "agent")
    assert attributes["dueAt"] == "2041-05-06T00:00:00.000Z"


def test_a_bare_date_is_midnight_in_the_zone_of_the_user(alice, alice_api, path):
    alice.time_zone = "America/New_York"
    alice.save()
    alice_api.patch(path, {"dueAt": "2041-05-06"})
    assert Project.objects.get().due_at == datetime.fromisoformat("2041-05-06T04:00:00Z")


def test_a_project_may_keep_its_own_slug(alice_api, path):
    assert alice_api.patch(path, {"name": "laura palmer!"}).status == 200


def test_another_projects_slug_is_taken(alice_api, new_project, path):
    new_project(name="Dale")
    assert alice_api.patch(path, {"name": "dale?"}).refused == (422, [("taken", "/project/slug")])


@pytest.mark.parametrize("name", [None, "", "   "])
def test_a_blank_name_breaks_the_name_and_the_slug(alice_api, project, path, name):
    before = columns(project)
    blank = [("blank", "/project/name"), ("blank", "/project/slug"), ("invalid", "/project/slug")]
    assert alice_api.patch(path, {"project": {"name": name}}).refused == (422, blank)
    assert columns(project) == before


def test_a_null_description_is_stored_as_an_empty_one(alice_api, path):
    assert alice_api.patch(path, {"project": {"description": None}}).data["attributes"]["description"] == ""
    assert Project.objects.get().description == ""


@pytest.mark.parametrize("due_at", [None, "", "someday", 1515248100])
def test_a_started_project_keeps_a_due_date(alice_api, project, path, due_at):
    before = columns(project)
    answer = alice_api.patch(path, {"project": {"due_at": due_at, "name": "Dale"}})
    assert answer.refused == (422, [("must_be_set", "/project/due_at")])
    assert columns(project) == before


def test_a_due_date_is_not_before_the_start(alice_api, path):
    answer = alice_api.patch(path, {"due_at": "2001-01-01"})
    assert answer.refused == (422, [("cannot_be_before_started_at", "/project/due_at")])


@pytest.mark.parametrize("state", ["newed", "paused", "finished"])
@pytest.mark.parametrize("due_at", ["2041-05-06", None, "2001-01-01"])
def test_unless_started_a_due_date_is_ignored_but_counts_as_content(alice_api, new_project, state, due_at):
    project = new_project(state)
    assert alice_api.patch(f"projects/{project.pk}", {"project": {"dueAt": due_at}}).status == 200
    assert Project.objects.get().due_at == project.due_at


def test_errors_of_dates_come_before_those_of_the_name(alice_api, path):
    answer = alice_api.patch(path, {"name": "x" * 101, "due_at": None})
    assert answer.refused == (422, [("must_be_set", "/project/due_at"), ("too_long", "/project/name")])


@pytest.mark.parametrize("body", [{}, {"project": {}}, {"project": None}, {"project": "x"}, {"unknown": 1}])
def test_an_empty_wrapper_is_missing(alice_api, path, body):
    assert alice_api.patch(path, body).refused == (422, [("parameter_missing", "/project")])


def test_a_patch_that_changes_nothing_makes_a_new_version_all_the_same(alice_api, project, path):
    assert alice_api.patch(path, {"project": {"unknown": 1}}).status == 200
    assert later_second(Project.objects.get().updated_at, project.updated_at)


def test_the_state_and_its_dates_cannot_be_patched(alice_api, project, path):
    body = {"project": {"state": "finished", "finished_at": "2001-01-01", "started_at": None, "slug": "x"}}
    assert alice_api.patch(path, body).status == 200
    stored = Project.objects.get()
    assert (stored.state, stored.finished_at, stored.slug) == ("started", None, "laura-palmer")
    assert stored.started_at == project.started_at


@pytest.mark.parametrize("state", ["newed", "started", "paused", "finished"])
def test_a_project_of_any_state_can_be_renamed(alice_api, new_project, state):
    project = new_project(state)
    dates = [getattr(project, name) for name in DATES]
    assert alice_api.patch(f"projects/{project.pk}", {"name": "Dale"}).status == 200
    stored = Project.objects.get()
    assert [getattr(stored, name) for name in DATES] == dates
    assert (stored.state, stored.name) == (state, "Dale")


# Delete


@pytest.mark.parametrize("state", ["newed", "started", "paused", "finished"])
def test_a_project_of_any_state_can_be_deleted(alice_api, new_project, state):
    project = new_project(state)
    answer = alice_api.delete(f"projects/{project.pk}/")
    assert (answer.status, answer.body) == (204, None)
    assert not Project.objects.exists()


@pytest.mark.parametrize("state", ["newed", "started", "planned", "finished", "abandoned"])
def test_the_tasks_of_a_deleted_project_are_abandoned_whatever_their_state(
    alice, alice_api, project, path, state
):
    task = task_in(alice, state, project=project)
    before = timezone.now()
    alice_api.delete(path)
    stored = Task.objects.get()
    assert (stored.state, stored.project) == ("abandoned", None)
    assert before <= stored.abandoned_at <= timezone.now()
    kept = ("started_at", "planned_at", "finished_at", "planned_count", "order", "created_at")
    assert [getattr(stored, name) for name in kept] == [getattr(task, name) for name in kept]


def test_deletion_makes_a_new_version_of_each_task_and_announces_it(
    alice, alice_api, project, path, announced
):
    tasks = [task_in(alice, state, project=project) for state in ("started", "finished")]
    with announced() as heard:
        alice_api.delete(path)
    assert heard == [(Task, task.pk, False) for task in tasks]
    for task in tasks:
        assert later_second(Task.objects.get(pk=task.pk).updated_at, task.updated_at)


def test_deletion_leaves_the_tasks_of_other_projects(alice, alice_api, new_project, path):
    task = task_in(alice, "started", project=new_project("started", name="Dale"))
    alice_api.delete(path)
    assert Task.objects.values().get() == Task.objects.filter(pk=task.pk).values().get()
    assert Task.objects.get().state == "started"


# Nonsense


@pytest.mark.parametrize("body", NOT_JSON, ids=range(len(NOT_JSON)))
def test_what_is_not_json_is_a_bad_request(alice_api, project, path, body):
    before = columns(project)
    answer = alice_api.patch(path, body)
    assert answer.status == (422 if body == b"" else 400)
    assert columns(project) == before


@pytest.mark.parametrize("body", NOT_OBJECTS)
def test_what_is_not_an_object_is_a_bad_request(alice_api, project, path, body):
    before = columns(project)
    assert alice_api.patch(path, body).refused == (400, [("bad_request", None)])
    assert columns(project) == before


@pytest.mark.parametrize(("verb", "suffix"), [("PATCH", ""), ("PUT", "/state"), ("DELETE", "")])
def test_no_twisted_body_crashes_the_server(alice, alice_api, new_project, verb, suffix):
    for body in twisted(
        "project", ["name", "description", "due_at", "state", "finished_at", "user_id", "id"]
    ):
        project = new_project("started", name="Laura")
        answer = alice_api.call(verb, f"projects/{project.pk}{suffix}", body)
        assert answer.status in {200, 204, 400, 422}, body
        Project.objects.all().delete()


def test_no_twisted_body_crashes_a_creation(alice_api):
    for body in twisted("project", ["name", "description", "state", "user_id", "id"]):
        assert alice_api.post("users/me/projects", body).status in {201, 400, 422}, body
        Project.objects.all().delete()


def test_a_due_date_at_the_end_of_time_is_kept_or_refused(alice_api, path):
    for due_at in ("9999-12-31", "9999-12-31T23:59:59-23:00", "0001-01-01T00:00:00+23:00"):
        assert alice_api.patch(path, {"due_at": due_at}).status in {200, 422}
        assert alice_api.get(path).status == 200


def test_the_age_of_a_project_is_no_hindrance(alice_api, project, path):
    Project.objects.filter(pk=project.pk).update(updated_at=timezone.now() - timedelta(days=4000))
    assert alice_api.patch(path, {"name": "Dale"}).status == 200

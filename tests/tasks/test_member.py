"""GET and PATCH /api/tasks/:id"""

import pytest
from django.utils import timezone

from projects.models import Project
from projects.services import project_delete
from tasks.models import DATES, Task
from tasks.transitions import STATES
from tests.api import Api
from tests.clocks import later_second
from tests.nonsense import NOT_JSON, NOT_OBJECTS, twisted
from tests.projects.conftest import project_in

pytestmark = pytest.mark.django_db

MISSING = ["0", "-1", "999999", "99999999999999999999", "x", "1x", "１", "%00", "1.0", "💥", "null"]


@pytest.fixture
def task(new_task):
    return new_task("started", label="buy tea")


@pytest.fixture
def path(task):
    return f"tasks/{task.pk}"


def columns(task: Task) -> dict:
    return Task.objects.filter(pk=task.pk).values().get()


# Show


@pytest.mark.parametrize("state", STATES)
def test_a_task_of_any_state_is_shown(alice_api, new_task, state):
    task = new_task(state)
    answer = alice_api.get(f"tasks/{task.pk}")
    assert (answer.status, answer.data["id"], answer.data["type"]) == (200, task.pk, "task")
    assert (answer.data["attributes"]["state"], answer.data["attributes"]["order"]) == (state, 1)


def test_a_task_finished_long_ago_is_shown(alice_api, new_task):
    task = new_task("finished", finished_at="2001-01-01T00:00:00Z")
    assert alice_api.get(f"tasks/{task.pk}").data["attributes"]["finishedAt"] == "2001-01-01T00:00:00.000Z"


@pytest.mark.parametrize("verb", ["GET", "PATCH"])
@pytest.mark.parametrize("pk", MISSING)
def test_what_is_no_task_is_not_found(alice_api, task, verb, pk):
    answer = alice_api.call(verb, f"tasks/{pk}", {"label": "sleep"})
    assert answer.refused == (404, [("record_not_found", "/task")])


@pytest.mark.parametrize("verb", ["GET", "PATCH"])
def test_another_users_task_is_not_found(bob_api, task, path, verb):
    before = columns(task)
    assert bob_api.call(verb, path, {"label": "sleep"}).refused == (404, [("record_not_found", "/task")])
    assert columns(task) == before


@pytest.mark.parametrize("verb", ["GET", "PATCH"])
def test_nobody_is_unauthorized(task, path, verb):
    before = columns(task)
    assert Api().call(verb, path, {"label": "sleep"}).refused == (401, [("unauthorized", None)])
    assert columns(task) == before


@pytest.mark.parametrize("verb", ["GET", "PATCH"])
def test_without_accepted_terms_nothing_goes(alice_api, unaccepted_terms, task, path, verb):
    before = columns(task)
    assert alice_api.call(verb, path, {"label": "sleep"}).refused == (403, [("tos_not_accepted", None)])
    assert columns(task) == before


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE"])
def test_other_verbs_are_missing_endpoints(alice_api, path, verb):
    assert alice_api.call(verb, path, {"label": "sleep"}).refused == (404, [("missing_endpoint", None)])


# Update


@pytest.mark.parametrize("body", [{"task": {"label": "drink tea"}}, {"label": "drink tea"}])
def test_a_new_label_makes_a_new_version(alice_api, task, path, body):
    answer = alice_api.patch(path, body)
    stored = Task.objects.get()
    assert (answer.status, answer.data["attributes"]["label"], stored.label) == (
        200,
        "drink tea",
        "drink tea",
    )
    assert later_second(stored.updated_at, task.updated_at)
    assert (stored.state, stored.started_at) == (task.state, task.started_at)


@pytest.mark.parametrize("label", [None, "", " \t"])
def test_a_blank_label_is_refused(alice_api, task, path, label):
    before = columns(task)
    assert alice_api.patch(path, {"task": {"label": label}}).refused == (422, [("blank", "/task/label")])
    assert columns(task) == before


@pytest.mark.parametrize("body", [{}, {"task": {}}, {"task": None}, {"task": []}, {"unknown": 1}])
def test_an_empty_wrapper_is_missing(alice_api, path, body):
    assert alice_api.patch(path, body).refused == (422, [("parameter_missing", "/task")])


def test_a_patch_that_changes_nothing_makes_a_new_version_all_the_same(alice_api, task, path, announced):
    with announced() as heard:
        assert alice_api.patch(path, {"task": {"unknown": 1}}).status == 200
    assert heard == [(Task, task.pk, False)]
    assert later_second(Task.objects.get().updated_at, task.updated_at)


def test_state_dates_and_order_cannot_be_patched(alice_api, task, path):
    body = {
        "task": {"state": "finished", "order": 5, "planned_at": "2031-05-06", "finished_at": "2031-05-06"}
    }
    assert alice_api.patch(path, body).status == 200
    stored = Task.objects.get()
    assert (stored.state, stored.order, stored.planned_at, stored.finished_at) == ("started", 1, None, None)


def test_a_task_gets_a_project_and_loses_it(alice_api, new_project, task, path):
    project = new_project("started")
    attached = alice_api.patch(path, {"projectId": project.pk})
    assert attached.data["relationships"]["project"]["data"] == {"type": "project", "id": project.pk}
    detached = alice_api.patch(path, {"projectId": None})
    assert detached.data["relationships"]["project"]["data"] is None
    assert Task.objects.get().project is None


@pytest.mark.parametrize("project_id", [{"id": 1}, [1]])
def test_a_nested_project_is_as_good_as_absent(alice_api, new_project, new_task, project_id):
    task = new_task(project=new_project("started"))
    alice_api.patch(f"tasks/{task.pk}", {"task": {"project_id": project_id}})
    assert Task.objects.get().project == task.project


@pytest.mark.parametrize("project_id", [0, -1, 999_999, 10**30, "x", "１", True, "99999999999999999999"])
def test_an_unknown_project_is_not_found(alice_api, task, path, project_id):
    before = columns(task)
    answer = alice_api.patch(path, {"label": "sleep", "project_id": project_id})
    assert answer.refused == (404, [("record_not_found", "/project")])
    assert columns(task) == before


def test_another_users_project_is_not_found(alice_api, bob, task, path):
    answer = alice_api.patch(path, {"project_id": project_in(bob, "started").pk})
    assert answer.refused == (404, [("record_not_found", "/project")])


# Sync with the project


@pytest.mark.parametrize("project_state", ["newed", "started", "paused", "finished", None])
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("body", [{"label": "sleep"}, {"project_id": "the same"}])
def test_at_every_patch_newed_and_started_follow_the_project(
    alice_api, new_task, new_project, project_state, state, body
):
    project = new_project(project_state) if project_state else None
    task = new_task(state, project=project)
    if "project_id" in body:
        body = {"task": {"project_id": project and project.pk}}
    before = timezone.now()
    assert alice_api.patch(f"tasks/{task.pk}", body).status == 200
    stored = Task.objects.get()
    free = project_state in (None, "started")
    expected = {"newed": "started" if free else "newed", "started": "started" if free else "newed"}
    assert stored.state == expected.get(state, state)
    if (state, free) == ("newed", True):
        assert before <= stored.started_at <= timezone.now()
    else:
        assert stored.started_at == (None if stored.state == "newed" else task.started_at)


@pytest.mark.parametrize("state", STATES)
def test_a_task_that_its_projects_deletion_abandoned_can_still_be_renamed(
    alice_api, new_task, new_project, state
):
    task = new_task(state, project=new_project("started"))
    project_delete(project=Project.objects.get())
    assert alice_api.patch(f"tasks/{task.pk}", {"label": "sleep"}).status == 200
    stored = Task.objects.get()
    assert (stored.state, stored.label, stored.finished_at) == ("abandoned", "sleep", task.finished_at)


@pytest.mark.parametrize("state", STATES)
def test_dates_of_no_concern_stay_at_a_patch(alice_api, new_task, new_project, state):
    task = new_task(state, project=new_project("newed" if state == "newed" else "started"))
    alice_api.patch(f"tasks/{task.pk}", {"label": "sleep"})
    stored = Task.objects.get()
    assert [getattr(stored, name) for name in DATES] == [getattr(task, name) for name in DATES]


def test_without_a_label_no_other_rule_is_forgotten(new_task):
    task = new_task("planned")
    task.label, task.planned_at = " ", None
    assert task.broken_rules() == [("planned_at", "must_be_set"), ("label", "blank")]


# Nonsense


@pytest.mark.parametrize("body", [*NOT_OBJECTS, *NOT_JSON[1:]], ids=lambda body: repr(body)[:20])
@pytest.mark.parametrize(("verb", "suffix"), [("PATCH", ""), ("PUT", "/state"), ("PUT", "/order")])
def test_a_malformed_body_is_a_bad_request(alice_api, task, path, body, verb, suffix):
    before = columns(task)
    assert alice_api.call(verb, path + suffix, body).status == 400
    assert columns(task) == before


@pytest.mark.parametrize(("verb", "suffix"), [("PATCH", ""), ("PUT", "/state"), ("PUT", "/order")])
def test_no_twisted_body_crashes_the_server(alice_api, new_task, verb, suffix):
    names = ["label", "project_id", "state", "order", "planned_at", "finished_at", "user_id", "id"]
    for body in twisted("task", names):
        task = new_task()
        answer = alice_api.call(verb, f"tasks/{task.pk}{suffix}", body)
        assert answer.status in {200, 400, 404, 422}, body
        Task.objects.all().delete()

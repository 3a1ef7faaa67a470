"""GET and POST /api/users/me/tasks"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from tasks.models import Task
from tests.api import Api
from tests.nonsense import NOT_JSON, NOT_OBJECTS, twisted
from tests.projects.conftest import project_in
from tests.tasks.conftest import task_in

pytestmark = pytest.mark.django_db
PATH = "users/me/tasks"
GIVEN = "2031-05-06T10:00:00.123Z"


def create(api: Api, **params: object):
    return api.post(PATH, {"task": {"label": "buy tea", **params}})


# Create


def test_a_new_task_has_this_shape(alice, alice_api):
    answer = create(alice_api)
    task = Task.objects.get()
    attributes = answer.data["attributes"]
    assert answer.status == 201
    assert answer.body == {
        "data": {
            "id": task.pk,
            "type": "task",
            "attributes": {
                "label": "buy tea",
                "order": 1,
                "plannedCount": 0,
                "state": "started",
                "startedAt": attributes["startedAt"],
                "plannedAt": None,
                "finishedAt": None,
                "abandonedAt": None,
                "createdAt": attributes["createdAt"],
                "updatedAt": attributes["createdAt"],
            },
            "relationships": {
                "user": {"data": {"type": "user", "id": alice.pk}},
                "project": {"data": None},
            },
        }
    }


def test_a_task_of_a_project_names_it(alice_api, new_project):
    project = new_project("started")
    answer = create(alice_api, projectId=project.pk)
    assert answer.data["relationships"]["project"] == {"data": {"type": "project", "id": project.pk}}


def test_an_unwrapped_camel_case_body_creates_as_well(alice_api, new_project):
    project = new_project("newed")
    body = {"label": "buy tea", "plannedAt": GIVEN, "projectId": project.pk}
    assert alice_api.post(PATH, body).status == 201
    task = Task.objects.get()
    assert (task.state, task.planned_at, task.project) == ("planned", datetime.fromisoformat(GIVEN), project)


# Columns: state, started_at, planned_at, finished_at, planned_count; "now" is the server's
NEWED = ("newed", None, None, None, 0)
STARTED = ("started", "now", None, None, 0)
PLANNED = ("planned", "now", GIVEN, None, 1)


@pytest.mark.parametrize(
    ("params", "project_state", "expected"),
    [
        ({}, None, STARTED),
        ({}, "started", STARTED),
        *(({}, state, NEWED) for state in ("newed", "paused", "finished")),
        ({"state": "abandoned"}, None, STARTED),
        *(
            ({"planned_at": GIVEN}, state, PLANNED)
            for state in (None, "newed", "started", "paused", "finished")
        ),
        *(
            ({"finished_at": GIVEN}, state, ("finished", "now", "now", GIVEN, 1))
            for state in (None, "newed", "started", "paused", "finished")
        ),
        (
            {"finished_at": GIVEN, "planned_at": "2031-05-05"},
            None,
            ("finished", "now", "2031-05-05T00:00Z", GIVEN, 1),
        ),
    ],
)
def test_what_is_given_decides_the_state_of_a_new_task(
    alice_api, new_project, params, project_state, expected
):
    project_id = new_project(project_state).pk if project_state else None
    before = timezone.now()
    create(alice_api, project_id=project_id, **params)
    task, after = Task.objects.get(), timezone.now()

    def seen(moment: datetime | None) -> object:
        return "now" if moment and before <= moment <= after else moment

    found = (
        task.state,
        seen(task.started_at),
        seen(task.planned_at),
        seen(task.finished_at),
        task.planned_count,
    )
    assert found == tuple(
        datetime.fromisoformat(value) if isinstance(value, str) and value.startswith("20") else value
        for value in expected
    )


@pytest.mark.parametrize("value", [None, "", "someday", 1515248100])
@pytest.mark.parametrize(
    ("key", "others"), [("planned_at", {}), ("finished_at", {}), ("planned_at", {"finished_at": GIVEN})]
)
def test_the_presence_of_a_date_decides_even_if_it_is_none(alice_api, key, others, value):
    answer = create(alice_api, **{key: value, **others})
    assert answer.refused == (422, [("must_be_set", f"/task/{key}")])
    assert not Task.objects.exists()


def test_both_dates_unset_break_two_rules(alice_api):
    answer = create(alice_api, planned_at=None, finished_at=None)
    assert answer.refused == (
        422,
        [("must_be_set", "/task/planned_at"), ("must_be_set", "/task/finished_at")],
    )


@pytest.mark.parametrize("value", [{"a": 1}, [GIVEN]])
def test_a_nested_date_is_as_good_as_absent(alice_api, value):
    create(alice_api, planned_at=value)
    assert Task.objects.get().state == "started"


def test_a_date_without_a_zone_is_in_the_zone_of_the_user(alice, alice_api):
    alice.time_zone = "Asia/Tokyo"
    alice.save()
    answer = create(alice_api, planned_at="2031-05-06")
    assert answer.data["attributes"]["plannedAt"] == "2031-05-06T00:00:00.000+09:00"
    assert Task.objects.get().planned_at == datetime(2031, 5, 5, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/task"),
        ({"unknown": 1}, "/task"),
        ({"task": None}, "/task"),
        ({"task": {}}, "/task"),
        ({"task": "buy tea"}, "/task"),
        ({"task": {"unknown": 1}}, "/task/label"),
        ({"task": {"label": None}}, "/task/label"),
        ({"task": {"label": " \n"}}, "/task/label"),
        ({"task": {"label": ["buy tea"]}}, "/task/label"),
        ({"planned_at": GIVEN}, "/task/label"),
    ],
)
def test_a_task_without_a_label_is_refused(alice_api, body, pointer):
    assert alice_api.post(PATH, body).refused == (422, [("parameter_missing", pointer)])
    assert not Task.objects.exists()


def test_a_label_may_be_of_2000_characters(alice_api):
    assert create(alice_api, label="x" * 2_000).status == 201
    assert len(Task.objects.get().label) == 2_000


@pytest.mark.parametrize("project_id", [0, -1, 999_999, 10**30, "x", "１", True, 1.5, "99999999999999999999"])
def test_an_unknown_project_is_not_found(alice_api, new_project, project_id):
    new_project()
    answer = create(alice_api, project_id=project_id)
    assert answer.refused == (404, [("record_not_found", "/project")])
    assert not Task.objects.exists()


def test_another_users_project_is_not_found(alice_api, bob):
    project = project_in(bob, "started")
    assert create(alice_api, project_id=project.pk).refused == (404, [("record_not_found", "/project")])
    assert not Task.objects.exists()


@pytest.mark.parametrize("as_text", [str, lambda pk: f" {pk} ", float])
def test_a_project_may_be_named_by_text_or_by_a_whole_number_of_any_kind(alice_api, new_project, as_text):
    project = new_project()
    create(alice_api, project_id=as_text(project.pk))
    assert Task.objects.get().project == project


@pytest.mark.parametrize("project_id", [None, "", [], {"id": 1}])
def test_no_project_is_no_project(alice_api, new_project, project_id):
    new_project()
    create(alice_api, project_id=project_id)
    assert Task.objects.get().project is None


def test_a_new_task_comes_after_all_others_of_the_user(alice_api, new_task, bob):
    task_in(bob, "started", order=50)
    for state, order in (("started", 3), ("abandoned", 9), ("finished", 7)):
        new_task(state, order=order)
    assert create(alice_api).data["attributes"]["order"] == 10


def test_only_documented_columns_are_taken(alice, alice_api, bob):
    create(alice_api, order=77, user_id=bob.pk, planned_count=5, id=4711, abandoned_at=GIVEN, startedAt=GIVEN)
    task = Task.objects.get()
    assert (task.order, task.user, task.planned_count, task.abandoned_at) == (1, alice, 0, None)
    assert task.pk != 4711
    assert task.started_at != datetime.fromisoformat(GIVEN)


# List


def test_the_list_holds_all_tasks_that_are_not_abandoned_by_ascending_id(alice_api, new_task):
    tasks = [new_task(state, order=order) for order, state in ((4, "finished"), (3, "newed"), (2, "planned"))]
    new_task("abandoned")
    tasks.append(new_task("started", order=1))
    assert [task["id"] for task in alice_api.get(PATH).data] == [task.pk for task in tasks]


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/New_York"])
@pytest.mark.parametrize(("shift", "shown"), [(timedelta(0), True), (timedelta(microseconds=-1), False)])
def test_tasks_finished_before_the_day_two_weeks_ago_are_left_out(
    alice, alice_api, new_task, zone, shift, shown
):
    alice.time_zone = zone
    alice.save()
    today = timezone.now().astimezone(ZoneInfo(zone)).date()
    midnight = datetime.combine(today - timedelta(days=14), datetime.min.time(), ZoneInfo(zone))
    new_task("finished", finished_at=(midnight.astimezone(UTC) + shift))
    assert bool(alice_api.get(PATH).data) is shown


def test_the_list_holds_nobody_elses_tasks(bob_api, new_task):
    new_task()
    assert bob_api.get(PATH).body == {
        "data": [],
        "links": {"first": f"/api/{PATH}?page=1", "last": f"/api/{PATH}?page=0"},
    }


def test_a_page_holds_50_tasks_and_links_to_its_neighbours(alice_api, new_task):
    for number in range(51):
        new_task(label=f"number {number}")
    first, last = alice_api.get(PATH), alice_api.get(f"{PATH}?page=2")
    assert (len(first.data), [task["attributes"]["label"] for task in last.data]) == (50, ["number 50"])
    ends = {"first": f"/api/{PATH}?page=1", "last": f"/api/{PATH}?page=2"}
    assert first.body["links"] == {**ends, "next": f"/api/{PATH}?page=2"}
    assert last.body["links"] == {**ends, "prev": f"/api/{PATH}?page=1"}


def test_the_list_takes_as_many_queries_for_many_tasks_as_for_one(
    alice_api, new_task, new_project, count_queries
):
    new_task(project=new_project(name="number 0"))
    few = count_queries(lambda: alice_api.get(PATH))
    for number in range(1, 20):
        new_task(project=new_project(name=f"number {number}"))
    assert count_queries(lambda: alice_api.get(PATH)) == few


# Who may


@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_nobody_is_unauthorized(alice, verb):
    assert Api().call(verb, PATH, {"label": "buy tea"}).refused == (401, [("unauthorized", None)])
    assert not Task.objects.exists()


def test_without_accepted_terms_tasks_are_listed_but_not_created(alice_api, unaccepted_terms):
    assert alice_api.get(PATH).status == 200
    assert create(alice_api).refused == (403, [("tos_not_accepted", None)])
    assert not Task.objects.exists()


@pytest.mark.parametrize("verb", ["PATCH", "PUT", "DELETE"])
def test_other_verbs_are_missing_endpoints(alice_api, verb):
    assert alice_api.call(verb, PATH).refused == (404, [("missing_endpoint", None)])


def test_there_is_no_other_collection(alice_api):
    assert alice_api.get("tasks").refused == (404, [("missing_endpoint", None)])


@pytest.mark.parametrize("body", [*NOT_OBJECTS, *NOT_JSON[1:]], ids=lambda body: repr(body)[:20])
def test_a_malformed_body_is_a_bad_request(alice_api, body):
    assert alice_api.post(PATH, body).status == 400
    assert not Task.objects.exists()


def test_no_twisted_body_crashes_a_creation(alice_api):
    names = ["label", "planned_at", "finished_at", "project_id", "state", "order", "id"]
    for body in twisted("task", names):
        assert alice_api.post(PATH, body).status in {201, 400, 404, 422}, body
        assert alice_api.get(PATH).status == 200, body
        Task.objects.all().delete()

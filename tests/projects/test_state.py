"""PUT /api/projects/:id/state, and the rules of the states"""

from datetime import datetime, timedelta
from itertools import product

import pytest
from django.utils import timezone

from projects.models import DATES, Project
from projects.transitions import STATES, TRANSITIONS
from tasks.models import Task
from tests.api import Api
from tests.clocks import later_second
from tests.nonsense import NOT_JSON, NOT_OBJECTS
from tests.projects.conftest import project_in
from tests.tasks.conftest import task_in

pytestmark = pytest.mark.django_db

DUE = "2041-05-06T10:00:00Z"


def put(api: Api, project: Project, state: object, **params: object):
    return api.put(f"projects/{project.pk}/state", {"project": {"state": state, **params}})


def fitting(project: Project, state: str) -> dict:
    """The dates that a change to this state must bring."""
    finished_at = (timezone.now() - timedelta(minutes=1)).isoformat()
    return {"started": {"due_at": DUE}, "finished": {"finished_at": finished_at}}.get(state, {})


def dates_of(project: Project) -> dict:
    return {name: getattr(project, name) for name in DATES}


def unchanged(project: Project) -> bool:
    return Project.objects.filter(pk=project.pk).values().get() == {
        field.attname: getattr(project, field.attname) for field in Project._meta.concrete_fields
    }


# Every pair


@pytest.mark.parametrize(("source", "target"), sorted(set(product(STATES, STATES)) - set(TRANSITIONS)))
def test_a_pair_outside_the_table_is_an_invalid_transition(alice_api, new_project, source, target):
    project = new_project(source)
    answer = put(alice_api, project, target, **fitting(project, target))
    assert answer.refused == (422, [("invalid_transition", "/project/state")])
    assert answer.body["errors"][0]["detail"] == f"Project cannot transition from '{source}' to '{target}'"
    assert unchanged(project)


@pytest.mark.parametrize("state", ["unknown", "Started", "started ", 1, True, "x" * 5000])
def test_an_unknown_state_is_an_invalid_transition(alice_api, new_project, state):
    project = new_project()
    assert put(alice_api, project, state).refused == (422, [("invalid_transition", "/project/state")])
    assert unchanged(project)


def test_a_start_sets_the_start_and_the_due_date(alice_api, new_project):
    project, before = new_project("newed"), timezone.now()
    answer = put(alice_api, project, "started", due_at=DUE)
    stored = Project.objects.get()
    assert (answer.status, answer.data["attributes"]["state"], stored.state) == (200, "started", "started")
    assert before <= stored.started_at <= timezone.now()
    assert (stored.due_at, stored.paused_at, stored.finished_at) == (datetime.fromisoformat(DUE), None, None)


def test_a_pause_sets_its_date_alone(alice_api, new_project):
    project, before = new_project("started"), timezone.now()
    put(alice_api, project, "paused")
    stored = Project.objects.get()
    assert before <= stored.paused_at <= timezone.now()
    assert dates_of(stored) == {**dates_of(project), "paused_at": stored.paused_at}


def test_a_restart_sets_the_due_date_and_clears_the_pause_but_keeps_the_start(alice_api, new_project):
    project = new_project("paused")
    put(alice_api, project, "started", due_at=DUE)
    stored = Project.objects.get()
    assert dates_of(stored) == {**dates_of(project), "due_at": datetime.fromisoformat(DUE), "paused_at": None}
    assert stored.state == "started"


def test_a_finish_sets_the_given_date_alone(alice_api, new_project):
    project = new_project("started")
    finished_at = project.started_at + timedelta(hours=1)
    put(alice_api, project, "finished", finished_at=finished_at.isoformat())
    stored = Project.objects.get()
    assert dates_of(stored) == {**dates_of(project), "finished_at": finished_at}
    assert stored.state == "finished"


@pytest.mark.parametrize(("source", "target"), sorted(TRANSITIONS))
def test_every_transition_makes_a_new_version(alice_api, new_project, source, target):
    project = new_project(source)
    assert put(alice_api, project, target, **fitting(project, target)).status == 200
    assert later_second(Project.objects.get().updated_at, project.updated_at)


def test_an_unwrapped_camel_case_body_works_as_well(alice_api, new_project):
    project = new_project()
    assert alice_api.put(f"projects/{project.pk}/state", {"state": "started", "dueAt": DUE}).status == 200


# Parameters


@pytest.mark.parametrize(
    "body", [{}, {"project": None}, {"project": {}}, {"project": "started"}, {"due": DUE}]
)
def test_an_empty_wrapper_is_missing(alice_api, new_project, body):
    answer = alice_api.put(f"projects/{new_project().pk}/state", body)
    assert answer.refused == (422, [("parameter_missing", "/project")])


@pytest.mark.parametrize("state", [None, "", " ", [], {"to": "started"}])
def test_a_state_is_required(alice_api, new_project, state):
    answer = put(alice_api, new_project(), state, due_at=DUE)
    assert answer.refused == (422, [("parameter_missing", "/project/state")])


@pytest.mark.parametrize("source", STATES)
@pytest.mark.parametrize("value", [None, "", [], {"a": 1}])
def test_starting_requires_a_due_date_before_the_transition_is_judged(alice_api, new_project, source, value):
    answer = put(alice_api, new_project(source), "started", due_at=value)
    assert answer.refused == (422, [("parameter_missing", "/project/due_at")])


@pytest.mark.parametrize("source", STATES)
def test_finishing_requires_its_date_before_the_transition_is_judged(alice_api, new_project, source):
    answer = put(alice_api, new_project(source), "finished")
    assert answer.refused == (422, [("parameter_missing", "/project/finished_at")])


@pytest.mark.parametrize("value", ["someday", 1515248100, True, "2031-02-31"])
def test_an_unreadable_date_is_not_set(alice_api, new_project, value):
    project = new_project()
    assert put(alice_api, project, "started", due_at=value).refused == (
        422,
        [("must_be_set", "/project/due_at")],
    )
    assert unchanged(project)


@pytest.mark.parametrize("value", ["someday", 1515248100])
def test_an_unreadable_end_is_not_set(alice_api, new_project, value):
    answer = put(alice_api, new_project("started"), "finished", finished_at=value)
    assert answer.refused == (422, [("must_be_set", "/project/finished_at")])


# Rules of dates


@pytest.mark.parametrize("source", ["newed", "paused"])
def test_a_due_date_before_the_start_is_refused(alice_api, new_project, source):
    project = new_project(source)
    assert put(alice_api, project, "started", due_at="2001-01-01").refused == (
        422,
        [("cannot_be_before_started_at", "/project/due_at")],
    )
    assert unchanged(project)


def test_the_bare_date_of_today_lies_before_a_start_of_now(alice_api, new_project):
    today = timezone.now().date().isoformat()
    answer = put(alice_api, new_project(), "started", due_at=today)
    assert answer.refused == (422, [("cannot_be_before_started_at", "/project/due_at")])


def test_an_end_before_the_start_is_refused(alice_api, new_project):
    answer = put(alice_api, new_project("started"), "finished", finished_at="2001-01-01")
    assert answer.refused == (422, [("cannot_be_before_started_at", "/project/finished_at")])


def test_an_end_after_this_moment_is_refused_although_it_is_called_today(alice_api, new_project):
    soon = (timezone.now() + timedelta(minutes=1)).isoformat()
    answer = put(alice_api, new_project("started"), "finished", finished_at=soon)
    assert answer.refused == (422, [("cannot_be_after_today", "/project/finished_at")])


NOW = datetime.fromisoformat("2031-05-06T12:00:00Z")
EARLY, LATE = NOW - timedelta(days=2), NOW - timedelta(days=1)
LAWFUL = {
    "newed": {},
    "started": {"started_at": EARLY, "due_at": LATE},
    "paused": {"started_at": EARLY, "paused_at": LATE},
    "finished": {"started_at": EARLY, "finished_at": LATE},
}
SET, UNSET, BEFORE = "must_be_set", "cannot_be_set", "cannot_be_before_started_at"


@pytest.mark.parametrize("state", STATES)
def test_a_lawful_project_breaks_no_rule(alice, state):
    assert project_of(alice, state).broken_rules(NOW) == []


@pytest.mark.parametrize(
    ("state", "date", "value", "code"),
    [
        *(("newed", date, LATE, UNSET) for date in DATES),
        *(("started", date, None, SET) for date in ("started_at", "due_at")),
        *(("started", date, LATE, UNSET) for date in ("paused_at", "finished_at")),
        ("started", "due_at", EARLY - timedelta(microseconds=1), BEFORE),
        *(("paused", date, None, SET) for date in ("started_at", "paused_at")),
        ("paused", "finished_at", LATE, UNSET),
        ("paused", "paused_at", EARLY - timedelta(days=1), BEFORE),
        ("paused", "due_at", EARLY - timedelta(days=1), BEFORE),
        *(("finished", date, None, SET) for date in ("started_at", "finished_at")),
        ("finished", "paused_at", LATE, UNSET),
        ("finished", "finished_at", NOW + timedelta(microseconds=1), "cannot_be_after_today"),
        ("finished", "finished_at", EARLY - timedelta(days=1), BEFORE),
        ("finished", "due_at", EARLY - timedelta(days=1), BEFORE),
    ],
)
def test_each_rule_of_each_state_has_its_code(alice, state, date, value, code):
    assert project_of(alice, state, **{date: value}).broken_rules(NOW) == [(date, code)]


@pytest.mark.parametrize(
    ("state", "date", "value"),
    [
        ("started", "due_at", EARLY),
        *(("paused", "due_at", value) for value in (EARLY, LATE)),
        ("paused", "paused_at", EARLY),
        ("finished", "due_at", NOW + timedelta(days=1)),
        *(("finished", "finished_at", value) for value in (EARLY, NOW)),
    ],
)
def test_what_no_rule_forbids_is_lawful(alice, state, date, value):
    assert project_of(alice, state, **{date: value}).broken_rules(NOW) == []


def project_of(user, state: str, **dates: datetime | None) -> Project:
    return Project(user=user, name="Laura", state=state, **{**LAWFUL[state], **dates})


# The maximum


@pytest.mark.parametrize("source", ["newed", "paused"])
def test_a_fourth_project_is_not_started(alice_api, new_project, source):
    for number in range(3):
        new_project("started", name=f"number {number}")
    project = new_project(source)
    answer = put(alice_api, project, "started", due_at="2001-01-01")
    assert answer.refused == (422, [("reached_max_started", "/project/state")])
    assert unchanged(project)


def test_a_transition_is_judged_before_the_maximum(alice_api, new_project):
    project, *_ = [new_project("started", name=f"number {number}") for number in range(3)]
    answer = put(alice_api, project, "started", due_at=DUE)
    assert answer.refused == (422, [("invalid_transition", "/project/state")])


def test_only_ones_own_started_projects_count(alice_api, bob, new_project):
    for number in range(3):
        project_in(bob, "started", name=f"number {number}")
        new_project("paused", name=f"number {number}")
    assert put(alice_api, new_project(), "started", due_at=DUE).status == 200


# The tasks


@pytest.mark.parametrize("source", ["newed", "paused"])
def test_newed_tasks_start_with_their_project(alice, alice_api, new_project, source):
    project = new_project(source)
    task, before = task_in(alice, "newed", project=project), timezone.now()
    put(alice_api, project, "started", due_at=DUE)
    stored = Task.objects.get()
    assert (stored.state, stored.planned_count, stored.order) == ("started", 0, task.order)
    assert before <= stored.started_at <= timezone.now()


def test_started_tasks_are_newed_when_their_project_pauses(alice, alice_api, new_project):
    project = new_project("started")
    task_in(alice, "started", project=project)
    put(alice_api, project, "paused")
    assert (Task.objects.get().state, Task.objects.get().started_at) == ("newed", None)


@pytest.mark.parametrize(
    ("source", "target", "states"),
    [
        ("newed", "started", ("started", "planned", "finished", "abandoned")),
        ("paused", "started", ("started", "planned", "finished", "abandoned")),
        ("started", "paused", ("newed", "planned", "finished", "abandoned")),
        ("started", "finished", ("newed", "started", "planned", "finished", "abandoned")),
    ],
)
def test_tasks_of_other_states_are_never_touched(
    alice, alice_api, new_project, announced, source, target, states
):
    project = new_project(source)
    for state in states:
        task_in(alice, state, project=project)
    before = list(Task.objects.values())
    with announced() as heard:
        assert put(alice_api, project, target, **fitting(project, target)).status == 200
    assert list(Task.objects.values()) == before
    assert heard == [(Project, project.pk, False)]


@pytest.mark.parametrize(
    ("source", "target", "state"),
    [("newed", "started", "newed"), ("paused", "started", "newed"), ("started", "paused", "started")],
)
def test_tasks_that_follow_get_a_new_version_and_are_announced(
    alice, alice_api, new_project, announced, source, target, state
):
    project = new_project(source)
    tasks = [task_in(alice, state, project=project) for _ in range(2)]
    with announced() as heard:
        put(alice_api, project, target, due_at=DUE)
    assert heard == [(Project, project.pk, False), *((Task, task.pk, False) for task in tasks)]
    for task in tasks:
        assert later_second(Task.objects.get(pk=task.pk).updated_at, task.updated_at)


def test_only_the_projects_own_tasks_follow(alice, alice_api, new_project):
    project, other = new_project(name="Laura"), new_project(name="Dale")
    task_in(alice, "newed", project=other)
    task_in(alice, "newed")
    before = list(Task.objects.values())
    put(alice_api, project, "started", due_at=DUE)
    assert list(Task.objects.values()) == before


def test_the_tasks_of_a_project_whose_start_is_refused_stay(alice, alice_api, new_project, announced):
    project = new_project()
    task_in(alice, "newed", project=project)
    before = list(Task.objects.values())
    with announced() as heard:
        assert put(alice_api, project, "started", due_at="2001-01-01").status == 422
    assert (list(Task.objects.values()), heard) == (before, [])


def test_a_cascade_takes_as_many_queries_for_many_tasks_as_for_one(
    alice, alice_api, new_project, count_queries
):
    few, many = new_project(name="few"), new_project(name="many")
    task_in(alice, "newed", project=few)
    for _ in range(30):
        task_in(alice, "newed", project=many)
    taken = [count_queries(lambda p=p: put(alice_api, p, "started", due_at=DUE)) for p in (few, many)]
    assert taken[0] == taken[1]


# Who may


def test_another_users_project_is_not_found(bob_api, new_project):
    project = new_project()
    assert put(bob_api, project, "started", due_at=DUE).refused == (404, [("record_not_found", "/project")])
    assert unchanged(project)


@pytest.mark.parametrize("pk", ["0", "x", "99999999999999999999"])
def test_a_missing_project_is_not_found_before_the_parameters_are_judged(alice_api, pk):
    assert alice_api.put(f"projects/{pk}/state", {}).refused == (404, [("record_not_found", "/project")])


def test_nobody_is_unauthorized(new_project):
    project = new_project()
    assert put(Api(), project, "started", due_at=DUE).refused == (401, [("unauthorized", None)])
    assert unchanged(project)


def test_without_accepted_terms_nothing_goes(alice_api, unaccepted_terms, new_project):
    project = new_project()
    assert put(alice_api, project, "started", due_at=DUE).refused == (403, [("tos_not_accepted", None)])
    assert unchanged(project)


@pytest.mark.parametrize("verb", ["GET", "POST", "PATCH", "DELETE"])
def test_other_verbs_are_missing_endpoints(alice_api, new_project, verb):
    answer = alice_api.call(verb, f"projects/{new_project().pk}/state", {"state": "started"})
    assert answer.refused == (404, [("missing_endpoint", None)])


@pytest.mark.parametrize("body", [*NOT_OBJECTS, *NOT_JSON[1:]], ids=lambda body: repr(body)[:20])
def test_a_malformed_body_is_a_bad_request(alice_api, new_project, body):
    project = new_project()
    assert alice_api.put(f"projects/{project.pk}/state", body).status == 400
    assert unchanged(project)

"""PUT /api/tasks/:id/state, and the rules of the states"""

from itertools import product

import pytest
from django.utils import timezone

from tasks.models import DATES, Task
from tasks.transitions import STATES, TRANSITIONS
from tests.api import Api
from tests.clocks import later_second

pytestmark = pytest.mark.django_db

# (from, to) -> (dates that become now, dates that become null, plannings)
EFFECTS = {
    ("newed", "started"): ({"started_at"}, set(), 0),
    ("newed", "planned"): ({"started_at", "planned_at"}, set(), 1),
    ("started", "planned"): ({"planned_at"}, set(), 1),
    ("planned", "planned"): ({"planned_at"}, set(), 1),
    ("finished", "planned"): ({"planned_at"}, {"finished_at"}, 1),
    ("planned", "started"): (set(), {"planned_at"}, 0),
    ("planned", "newed"): (set(), {"started_at", "planned_at"}, 0),
    ("started", "newed"): (set(), {"started_at"}, 0),
    ("planned", "finished"): ({"finished_at"}, set(), 0),
    ("newed", "abandoned"): ({"abandoned_at"}, set(), 0),
    ("started", "abandoned"): ({"abandoned_at"}, set(), 0),
    ("planned", "abandoned"): ({"abandoned_at"}, set(), 0),
}


def put(api: Api, task: Task, state: object, **params: object):
    return api.put(f"tasks/{task.pk}/state", {"task": {"state": state, **params}})


def columns(task: Task) -> dict:
    return Task.objects.filter(pk=task.pk).values().get()


# Every pair


@pytest.mark.parametrize(("source", "target"), sorted(set(product(STATES, STATES)) - set(EFFECTS)))
def test_a_pair_outside_the_table_is_an_invalid_transition(alice_api, new_task, source, target):
    task = new_task(source)
    before = columns(task)
    answer = put(alice_api, task, target)
    assert answer.refused == (422, [("invalid_transition", "/task/state")])
    assert answer.body["errors"][0]["detail"] == f"Task cannot transition from '{source}' to '{target}'"
    assert columns(task) == before


@pytest.mark.parametrize(("source", "target"), sorted(EFFECTS))
def test_a_transition_sets_and_clears_its_dates_and_leaves_the_others(alice_api, new_task, source, target):
    task, before = new_task(source), timezone.now()
    answer = put(alice_api, task, target)
    assert (answer.status, answer.data["attributes"]["state"]) == (200, target)
    stored, after = Task.objects.get(), timezone.now()
    sets, clears, plannings = EFFECTS[source, target]
    for name in DATES:
        value = getattr(stored, name)
        if name in sets:
            assert before <= value <= after, name
        else:
            assert value == (None if name in clears else getattr(task, name)), name
    assert (stored.state, stored.planned_count - task.planned_count) == (target, plannings)


@pytest.mark.parametrize(("source", "target"), sorted(EFFECTS))
def test_every_transition_makes_a_new_version(alice_api, new_task, source, target):
    task = new_task(source)
    put(alice_api, task, target)
    assert later_second(Task.objects.get().updated_at, task.updated_at)


def test_the_table_holds_these_pairs_and_no_others():
    assert set(TRANSITIONS) == set(EFFECTS)


def test_a_replanned_task_without_a_start_starts_now(alice_api, new_task):
    task = new_task("finished", started_at=None)
    put(alice_api, task, "planned")
    stored = Task.objects.get()
    assert stored.started_at == stored.planned_at


def test_each_planning_counts(alice_api, new_task):
    task = new_task("newed")
    for _ in range(3):
        answer = put(alice_api, task, "planned")
    assert answer.data["attributes"]["plannedCount"] == 3


@pytest.mark.parametrize("state", ["unknown", "Started", "planned ", 1, True, "x" * 5000])
def test_an_unknown_state_is_an_invalid_transition(alice_api, new_task, state):
    task = new_task()
    assert put(alice_api, task, state).refused == (422, [("invalid_transition", "/task/state")])


def test_no_date_is_accepted_with_a_state(alice_api, new_task):
    task, before = new_task(), timezone.now()
    put(alice_api, task, "planned", planned_at="2001-01-01T00:00:00Z")
    assert Task.objects.get().planned_at >= before


@pytest.mark.parametrize("project_state", ["newed", "started", "paused", "finished"])
def test_the_projects_state_plays_no_role(alice_api, new_task, new_project, project_state):
    task = new_task("newed", project=new_project(project_state))
    assert put(alice_api, task, "started").data["attributes"]["state"] == "started"


def test_an_unwrapped_body_works_as_well(alice_api, new_task):
    task = new_task()
    assert alice_api.put(f"tasks/{task.pk}/state", {"state": "planned"}).status == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/task"),
        ({"task": None}, "/task"),
        ({"task": "planned"}, "/task"),
        ({"task": {"label": "x"}}, "/task/state"),
        ({"state": ""}, "/task/state"),
        ({"task": {"state": {"to": "planned"}}}, "/task/state"),
    ],
)
def test_a_state_is_required(alice_api, new_task, body, pointer):
    answer = alice_api.put(f"tasks/{new_task().pk}/state", body)
    assert answer.refused == (422, [("parameter_missing", pointer)])


# Rules

LAWFUL = {
    "newed": set(),
    "started": {"started_at"},
    "planned": {"started_at", "planned_at"},
    "finished": {"started_at", "planned_at", "finished_at"},
    "abandoned": {"abandoned_at"},
}


def task_with(user, state: str, dates: set[str]) -> Task:
    return Task(user=user, label="buy tea", state=state, **dict.fromkeys(dates, timezone.now()))


@pytest.mark.parametrize(
    ("state", "date"),
    [
        ("started", "started_at"),
        ("planned", "started_at"),
        ("planned", "planned_at"),
        ("finished", "planned_at"),
        ("finished", "finished_at"),
        ("abandoned", "abandoned_at"),
    ],
)
def test_what_a_state_needs_must_be_set(alice, state, date):
    assert task_with(alice, state, LAWFUL[state] - {date}).broken_rules() == [(date, "must_be_set")]


@pytest.mark.parametrize(
    ("state", "date"),
    [
        *(("newed", date) for date in DATES),
        *(("started", date) for date in ("planned_at", "finished_at", "abandoned_at")),
        *(("planned", date) for date in ("finished_at", "abandoned_at")),
        ("finished", "abandoned_at"),
    ],
)
def test_what_a_state_forbids_cannot_be_set(alice, state, date):
    assert task_with(alice, state, LAWFUL[state] | {date}).broken_rules() == [(date, "cannot_be_set")]


@pytest.mark.parametrize(
    ("state", "dates"),
    [
        *LAWFUL.items(),
        ("finished", {"planned_at", "finished_at"}),
        ("abandoned", {"started_at", "planned_at", "abandoned_at"}),
        ("abandoned", set(DATES)),  # so does the deletion of a project leave a finished task
    ],
)
def test_what_no_rule_forbids_is_lawful(alice, state, dates):
    assert task_with(alice, state, dates).broken_rules() == []


# Who may


def test_another_users_task_is_not_found(bob_api, new_task):
    task = new_task()
    before = columns(task)
    assert put(bob_api, task, "planned").refused == (404, [("record_not_found", "/task")])
    assert columns(task) == before


@pytest.mark.parametrize("pk", ["0", "x", "99999999999999999999"])
def test_a_missing_task_is_not_found_before_the_parameters_are_judged(alice_api, pk):
    assert alice_api.put(f"tasks/{pk}/state", {}).refused == (404, [("record_not_found", "/task")])


def test_nobody_is_unauthorized(new_task):
    task = new_task()
    before = columns(task)
    assert put(Api(), task, "planned").refused == (401, [("unauthorized", None)])
    assert columns(task) == before


def test_without_accepted_terms_nothing_goes(alice_api, unaccepted_terms, new_task):
    task = new_task()
    before = columns(task)
    assert put(alice_api, task, "planned").refused == (403, [("tos_not_accepted", None)])
    assert columns(task) == before


@pytest.mark.parametrize("verb", ["GET", "POST", "PATCH", "DELETE"])
def test_other_verbs_are_missing_endpoints(alice_api, new_task, verb):
    answer = alice_api.call(verb, f"tasks/{new_task().pk}/state", {"state": "planned"})
    assert answer.refused == (404, [("missing_endpoint", None)])

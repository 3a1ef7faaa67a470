"""PUT /api/tasks/:id/order"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessy.accounts.models import User
from tasks.models import Task
from tasks.services import task_move
from tests.api import Api
from tests.tasks.conftest import task_in

pytestmark = pytest.mark.django_db


def put(api: Api, task: Task, order: object):
    return api.put(f"tasks/{task.pk}/order", {"task": {"order": order}})


def places() -> dict[str, int]:
    return dict(Task.objects.order_by("order").values_list("label", "order"))


@pytest.fixture
def five(new_task):
    """a to e, at 1 to 5, of several states."""
    states = ("started", "finished", "abandoned", "newed", "planned")
    return [new_task(state, label=label) for label, state in zip("abcde", states, strict=True)]


@pytest.mark.parametrize(
    ("label", "order", "expected"),
    [
        ("d", 2, "adbce"),
        ("b", 4, "acdbe"),
        ("e", 1, "eabcd"),
        ("a", 5, "bcdea"),
        ("a", 2, "bacde"),
        ("b", 1, "bacde"),
    ],
)
def test_a_moved_task_shifts_those_between(alice_api, five, label, order, expected):
    answer = put(alice_api, five["abcde".index(label)], order)
    assert answer.status == 200
    assert "".join(places()) == expected
    assert list(places().values()) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(("index", "order"), [(3, 2), (1, 4), (4, 1)])
def test_the_answer_holds_each_moved_task_with_its_order_and_no_more(alice_api, five, index, order):
    before = {task.pk: task.order for task in five}
    answer = put(alice_api, five[index], order)
    moved = {pk: place for pk, place in Task.objects.values_list("pk", "order") if before[pk] != place}
    assert sorted(answer.data, key=lambda task: task["id"]) == [
        {"type": "task", "id": pk, "attributes": {"order": place}} for pk, place in sorted(moved.items())
    ]


def test_the_place_it_has_moves_nothing(alice_api, five):
    assert put(alice_api, five[2], 3).body == {"data": []}
    assert "".join(places()) == "abcde"


@pytest.mark.parametrize(
    ("index", "order", "expected"),
    [
        (0, 9, {"b": 1, "c": 2, "d": 3, "e": 4, "a": 9}),
        (4, 0, {"e": 0, "a": 2, "b": 3, "c": 4, "d": 5}),
        (4, -3, {"e": -3, "a": 2, "b": 3, "c": 4, "d": 5}),
        (0, 2**53 - 1, {"b": 1, "c": 2, "d": 3, "e": 4, "a": 2**53 - 1}),
    ],
)
def test_a_place_may_lie_beyond_all_others(alice_api, five, index, order, expected):
    put(alice_api, five[index], order)
    assert places() == expected


def test_a_gap_stays_a_gap(alice_api, five):
    put(alice_api, five[0], 9)
    put(alice_api, five[4], 6)
    assert places() == {"b": 1, "c": 2, "d": 3, "e": 6, "a": 9}


@pytest.mark.parametrize("order", ["4", 4.0, " 4 ", "+4"])
def test_a_whole_number_may_be_written_in_any_way(alice_api, five, order):
    assert put(alice_api, five[1], order).status == 200
    assert "".join(places()) == "acdbe"


@pytest.mark.parametrize(
    "order",
    [
        *("x", "1x", "1.5", 1.5, True, False, "１", "1e3", "NaN"),
        *(2**53, -(2**53), 10**30, "9" * 99, 1e300),
    ],
)
def test_what_is_no_sensible_integer_is_not_a_number(alice_api, five, order):
    assert put(alice_api, five[0], order).refused == (422, [("not_a_number", "/task/order")])
    assert "".join(places()) == "abcde"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/task"),
        ({"task": None}, "/task"),
        ({"task": 3}, "/task"),
        ({"task": {"label": "x"}}, "/task/order"),
        ({"order": None}, "/task/order"),
        ({"task": {"order": [3]}}, "/task/order"),
    ],
)
def test_an_order_is_required(alice_api, five, body, pointer):
    answer = alice_api.put(f"tasks/{five[0].pk}/order", body)
    assert answer.refused == (422, [("parameter_missing", pointer)])


def test_an_unwrapped_body_works_as_well(alice_api, five):
    assert alice_api.put(f"tasks/{five[0].pk}/order", {"order": 2}).status == 200


def test_nothing_is_announced_and_no_version_is_new(alice_api, five, announced):
    before = list(Task.objects.values_list("pk", "updated_at"))
    with announced() as heard:
        put(alice_api, five[0], 4)
    assert (heard, list(Task.objects.values_list("pk", "updated_at"))) == ([], before)


def test_the_tasks_of_others_stay(alice_api, five, bob):
    for order in range(1, 6):
        task_in(bob, "started", order=order)
    put(alice_api, five[0], 4)
    assert list(Task.objects.filter(user=bob).values_list("order", flat=True)) == [1, 2, 3, 4, 5]


def test_a_move_takes_as_many_queries_for_many_tasks_as_for_few(alice_api, new_task, count_queries):
    tasks = [new_task() for _ in range(40)]
    few = count_queries(lambda: put(alice_api, tasks[0], 2))
    assert count_queries(lambda: put(alice_api, tasks[0], 40)) == few


@settings(max_examples=30, deadline=None)
@given(moves=st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 9)), max_size=8))
def test_whatever_is_moved_no_two_tasks_share_a_place(moves):
    carol = User.objects.create(email=f"carol-{User.objects.count()}@example.com")
    tasks = [Task.objects.create(user=carol, label=str(number)) for number in range(5)]
    for index, order in moves:
        task_move(task=tasks[index], order=order)
        tasks[index].refresh_from_db()
        assert tasks[index].order == order
    assert len(set(Task.objects.filter(user=carol).values_list("order", flat=True))) == 5


# Who may


def test_another_users_task_is_not_found(bob_api, five):
    assert put(bob_api, five[0], 4).refused == (404, [("record_not_found", "/task")])
    assert "".join(places()) == "abcde"


@pytest.mark.parametrize("pk", ["0", "x", "99999999999999999999"])
def test_a_missing_task_is_not_found_before_the_parameters_are_judged(alice_api, pk):
    assert alice_api.put(f"tasks/{pk}/order", {}).refused == (404, [("record_not_found", "/task")])


def test_nobody_is_unauthorized(five):
    assert put(Api(), five[0], 4).refused == (401, [("unauthorized", None)])
    assert "".join(places()) == "abcde"


def test_without_accepted_terms_nothing_goes(alice_api, unaccepted_terms, five):
    assert put(alice_api, five[0], 4).refused == (403, [("tos_not_accepted", None)])
    assert "".join(places()) == "abcde"


@pytest.mark.parametrize("verb", ["GET", "POST", "PATCH", "DELETE"])
def test_other_verbs_are_missing_endpoints(alice_api, five, verb):
    answer = alice_api.call(verb, f"tasks/{five[0].pk}/order", {"order": 2})
    assert answer.refused == (404, [("missing_endpoint", None)])

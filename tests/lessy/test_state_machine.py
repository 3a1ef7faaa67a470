import pytest

from lessy.ground.state_machine import InvalidTransition, Rule, broken_dates, find_transition

DOOR = {("open", "closed"): "close", ("closed", "open"): "open"}


def test_a_pair_of_the_table_has_its_name():
    assert find_transition(DOOR, "open", "closed") == "close"


@pytest.mark.parametrize(
    ("source", "target"), [("open", "open"), ("open", "locked"), ("", ""), ("closed", "")]
)
def test_any_other_pair_is_refused(source, target):
    with pytest.raises(InvalidTransition):
        find_transition(DOOR, source, target)


def test_a_refusal_names_both_states_in_words():
    with pytest.raises(InvalidTransition, match=r"^cannot transition from 'open' to 'it's'$"):
        find_transition(DOOR, "open", "it's")


def test_a_missing_date_must_be_set():
    assert broken_dates(Rule(required=("due_at",)), {"due_at": None}) == [("due_at", "must_be_set")]


def test_a_superfluous_date_cannot_be_set():
    assert broken_dates(Rule(forbidden=("due_at",)), {"due_at": 1}) == [("due_at", "cannot_be_set")]


def test_a_date_of_no_concern_may_be_either():
    assert broken_dates(Rule(required=("due_at",)), {"due_at": 1, "paused_at": None}) == []
    assert broken_dates(Rule(required=("due_at",)), {"due_at": 1, "paused_at": 2}) == []


def test_errors_come_in_the_order_of_the_dates():
    rule = Rule(required=("b", "c"), forbidden=("a",))
    assert [name for name, _ in broken_dates(rule, {"a": 1, "b": None, "c": None})] == ["a", "b", "c"]

"""Events in PostgreSQL's notifications, each a text of less than 8,000 bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.broker.parts import MOST_PARTS, PART_BYTES, Assembly, NotOurs, payloads, text_of

LIMIT = 8_000


def everything(group):
    return True


@pytest.mark.parametrize("length", [0, 100, PART_BYTES - 8, PART_BYTES - 7, 3 * PART_BYTES, 40 * PART_BYTES])
def test_each_part_fits_and_all_of_them_are_the_event(length):
    event = {"x": "é" * length}
    parts = list(payloads("g" * 99, text_of(event)))
    assert max(len(part.encode()) for part in parts) < LIMIT
    assembly = Assembly(everything)
    found = [assembly.add(1, part) for part in parts]
    assert found == [None] * (len(parts) - 1) + [("g" * 99, event)]


@given(st.lists(st.sampled_from([1, 2, 3]), max_size=6))
def test_events_of_several_senders_are_kept_apart(order):
    """Each sender's parts come in order; those of others between them change nothing."""
    waiting = {
        sender: list(payloads(f"group.{sender}", text_of({"of": sender, "x": "-" * 2 * PART_BYTES})))
        for sender in (1, 2, 3)
    }
    assembly, found = Assembly(everything), []
    for sender in [*order, *(each for each in (1, 2, 3) for _ in range(3))]:
        found += [assembly.add(sender, part) for part in waiting[sender][:1]]
        del waiting[sender][:1]
    assert sorted(each[1]["of"] for each in found if each) == [1, 2, 3]


def test_of_groups_that_nobody_hears_nothing_is_parsed_or_kept():
    assembly = Assembly(lambda group: group == "mine")
    assert assembly.add(1, "1/1 other {no JSON") is None
    assert [assembly.add(1, part) for part in payloads("other", "x" * 2 * PART_BYTES)] == [None, None]
    assert assembly.add(1, "1/1 mine {}") == ("mine", {})


def test_an_event_whose_beginning_was_missed_is_left_out():
    first, *rest = payloads("g", text_of({"x": "-" * 2 * PART_BYTES}))
    assembly = Assembly(everything)
    assert [assembly.add(1, part) for part in rest] == [None, None]
    # A backend of the same number, later.
    assert assembly.add(1, first) is None
    assert assembly.add(1, "1/1 g {}") == ("g", {})


@pytest.mark.parametrize(
    "payload", ["", "hello", "1/1 g", "1/1 g x", "1/1 g []", "1/1 g 5", "1/1  {}", "1111/1 g {}", "-1/1 g {}"]
)
def test_what_others_notify_is_told_apart(payload):
    with pytest.raises(NotOurs):
        Assembly(everything).add(1, payload)


@pytest.mark.parametrize("value", [object(), b"x", float("nan"), "x" * PART_BYTES * MOST_PARTS])
def test_what_cannot_travel_is_refused_before_it_is_queued(value):
    with pytest.raises((TypeError, ValueError)):
        text_of({"x": value})

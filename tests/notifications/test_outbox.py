import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.wire.outbox import Outbox, OutboxFull


def drained(outbox):
    frames = []
    while (frame := outbox.pop()) is not None:
        frames.append(frame)
    return frames


def test_control_frames_overtake_data():
    outbox = Outbox(10, 100)
    outbox.put("data")
    outbox.put_control("ping")
    assert drained(outbox) == ["ping", "data"]


def test_of_one_row_only_the_last_frame_stays_and_goes_to_the_end():
    outbox = Outbox(10, 100)
    outbox.put("row 1, old", key=1)
    outbox.put("row 2", key=2)
    outbox.put("row 1, new", key=1)
    assert drained(outbox) == ["row 2", "row 1, new"]


def test_frames_without_a_key_replace_nothing():
    outbox = Outbox(10, 100)
    outbox.put("a")
    outbox.put("b")
    assert drained(outbox) == ["a", "b"]


def test_one_frame_too_many_is_refused_and_the_rest_kept():
    outbox = Outbox(2, 100)
    outbox.put("a")
    outbox.put_control("b")
    with pytest.raises(OutboxFull):
        outbox.put("c")
    assert drained(outbox) == ["b", "a"]


def test_one_byte_too_many_is_refused():
    outbox = Outbox(10, 4)
    outbox.put("1234", key=1)
    with pytest.raises(OutboxFull):
        outbox.put("5")
    outbox.put("abcd", key=1)
    assert drained(outbox) == ["abcd"]


operations = st.lists(
    st.tuples(st.sampled_from(["put", "control", "pop"]), st.text("x", max_size=9), st.integers(0, 3))
)


@given(operations)
def test_its_size_is_always_that_of_what_it_holds_and_within_bounds(steps):
    outbox = Outbox(4, 20)
    for kind, frame, key in steps:
        try:
            if kind == "put":
                outbox.put(frame, key=key)
            elif kind == "control":
                outbox.put_control(frame)
            else:
                outbox.pop()
        except OutboxFull:
            pass
        assert len(outbox) <= 4
        assert outbox.bytes <= 20
    held = outbox.bytes
    assert sum(map(len, drained(outbox))) == held
    assert outbox.bytes == 0


def test_a3_of_two_frames_the_one_that_ranks_higher_stays():
    outbox = Outbox(max_frames=3, max_bytes=100)
    outbox.put("row 1, 10:02", key=1, rank=2)
    outbox.put("row 2", key=2)
    outbox.put("row 1, 10:01", key=1, rank=1)
    assert drained(outbox) == ["row 1, 10:02", "row 2"]
    assert outbox.bytes == 0

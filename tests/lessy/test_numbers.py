import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessy.ground.numbers import LARGEST, whole_number


@pytest.mark.parametrize("value", [5, 5.0, "5", " +5 ", "005"])
def test_a_whole_number_is_read_from_any_of_its_spellings(value):
    assert whole_number(value) == 5


@pytest.mark.parametrize("value", [-7, "-7", -7.0])
def test_it_may_be_negative(value):
    assert whole_number(value) == -7


@pytest.mark.parametrize("value", [LARGEST, -LARGEST, str(LARGEST)])
def test_it_may_be_as_large_as_browsers_can_count(value):
    assert whole_number(value) == int(value)


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            True,
            False,
            [],
            [1],
            {},
            1.5,
            "1.5",
            "",
            " ",
            "x",
            "5x",
            "１",
            "٣",
            "1e3",
            "0x5",
            "1_0",
            "--1",
        ),
        *(
            LARGEST + 1,
            -LARGEST - 1,
            10**400,
            1e300,
            float("inf"),
            float("nan"),
            str(LARGEST + 1),
            "9" * 5000,
        ),
    ],
)
def test_anything_else_is_none(value):
    assert whole_number(value) is None


@given(st.integers(-LARGEST, LARGEST))
def test_a_number_and_its_text_are_the_same(number):
    assert whole_number(str(number)) == whole_number(number) == number


@given(st.text() | st.floats() | st.integers() | st.none())
def test_no_input_raises(value):
    assert whole_number(value) is None or whole_number(value) == whole_number(str(whole_number(value)))

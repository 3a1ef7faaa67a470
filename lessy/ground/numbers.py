"""Whole numbers as clients write them. Pure."""

import re

LARGEST = 2**53 - 1  # beyond it JSON numbers are not exact in browsers
LONGEST = 64  # characters of a number in text, blanks included


def whole_number(value: object) -> int | None:
    """
    5 for 5, 5.0 and " +5 ". None if the value is not a whole number between -LARGEST and LARGEST: text with
    other than ASCII digits, fractions, true, null, lists.
    """
    if isinstance(value, str):
        short = len(value) <= LONGEST
        value = int(value) if short and re.fullmatch(r"\s*[+-]?\d{1,16}\s*", value, re.ASCII) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not -LARGEST <= value <= LARGEST or value != int(value):
        return None
    return int(value)

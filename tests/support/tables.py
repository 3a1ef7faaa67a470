"""Assertions that hold for every transition table (notifications/wire/states.py)."""

from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import product
from typing import Any

import pytest

from notifications.wire.states import IllegalTransition, following

Table = Mapping[tuple[Any, Any], Any]


def assert_every_pair_is_decided(
    table: Table, states: type[Enum], events: type[Enum], impossible: Iterable[tuple[Any, Any]]
) -> None:
    """Each (state, event) is either in the table or one of the impossible, for which an error names both."""
    refused = set(impossible)
    assert set(table) | refused == set(product(states, events))
    assert not set(table) & refused
    for state, event in refused:
        with pytest.raises(IllegalTransition, match=f"{state.name}: {event.name} cannot happen"):
            following(table, state, event)


def reachable(table: Table, first: Any) -> set[Any]:
    """The states that can be reached from the first one, which is included."""
    found, left = set(), {first}
    while left:
        state = left.pop()
        found.add(state)
        left |= {after for (before, _), after in table.items() if before is state} - found
    return found


def possible(table: Table, state: Any) -> list[Any]:
    """The events that are possible in this state, in the order of the table."""
    return [event for before, event in table if before is state]

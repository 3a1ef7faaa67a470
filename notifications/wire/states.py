"""
State machines as tables: which event leads from which state to which. Pure.

A pair that is in no table cannot happen. If it does, it is a bug of ours and not a client's: the table raises
where it begins, instead of leaving a flag that is wrong from then on.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

S = TypeVar("S", bound=Enum)
E = TypeVar("E", bound=Enum)


class IllegalTransition(Exception):
    """state, event: the pair that is in no table."""

    def __init__(self, state: Enum, event: Enum) -> None:
        super().__init__(f"{type(state).__name__} {state.name}: {event.name} cannot happen")
        self.state = state
        self.event = event


def following(table: Mapping[tuple[S, E], S], state: S, event: E) -> S:
    """The state that the event leads to. Raises IllegalTransition."""
    try:
        return table[state, event]
    except KeyError:
        raise IllegalTransition(state, event) from None

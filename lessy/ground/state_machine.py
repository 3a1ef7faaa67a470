"""
State machines as tables. Pure: no Django here.

    TRANSITIONS = {("newed", "started"): "start"}   an absent pair is refused
    RULES = {"started": Rule(required=("started_at",), forbidden=("finished_at",))}
"""

from collections.abc import Mapping
from dataclasses import dataclass

Table = Mapping[tuple[str, str], str]
SHOWN = 50  # characters of the target that the error message repeats; a client may send any text


class InvalidTransition(Exception):
    """The table has no transition from source to target. Either may be no state at all."""

    def __init__(self, source: str, target: str) -> None:
        super().__init__(f"cannot transition from '{source}' to '{target[:SHOWN]}'")
        self.source = source
        self.target = target


def find_transition(table: Table, source: str, target: str) -> str:
    """
    Returns: the name of the transition.
    Raises: InvalidTransition if the table does not hold the pair.
    """
    try:
        return table[source, target]
    except KeyError:
        raise InvalidTransition(source, target) from None


@dataclass(frozen=True, slots=True)
class Rule:
    """Which dates of a record a state requires and forbids, by name. A date in neither list is optional."""

    required: tuple[str, ...] = ()
    forbidden: tuple[str, ...] = ()


def broken_dates(rule: Rule, dates: Mapping[str, object]) -> list[tuple[str, str]]:
    """
    Args: dates is every date of the record, in the order in which errors are reported; None is unset.
    Returns: [("due_at", "must_be_set"), ("paused_at", "cannot_be_set"), ...], empty if the rule holds.
    """
    errors = []
    for name, value in dates.items():
        if value is None and name in rule.required:
            errors.append((name, "must_be_set"))
        if value is not None and name in rule.forbidden:
            errors.append((name, "cannot_be_set"))
    return errors

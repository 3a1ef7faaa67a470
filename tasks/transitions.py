"""
The states of a task, the transitions between them and their effects, and the dates that each state requires
or forbids.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from lessy.ground.state_machine import Rule

NEWED: Final = "newed"
STARTED: Final = "started"
PLANNED: Final = "planned"
FINISHED: Final = "finished"
ABANDONED: Final = "abandoned"
STATES = (NEWED, STARTED, PLANNED, FINISHED, ABANDONED)

TRANSITIONS = {  # (from, to) -> name; an absent pair is refused
    (NEWED, STARTED): "start",
    (NEWED, PLANNED): "plan",
    (STARTED, PLANNED): "plan",
    (PLANNED, PLANNED): "replan",  # not a no-op: it counts one more planning
    (FINISHED, PLANNED): "replan",
    (PLANNED, STARTED): "unplan",
    (PLANNED, NEWED): "cancel",
    (STARTED, NEWED): "cancel",
    (PLANNED, FINISHED): "finish",
    (NEWED, ABANDONED): "abandon",
    (STARTED, ABANDONED): "abandon",
    (PLANNED, ABANDONED): "abandon",
}


@dataclass(frozen=True, slots=True)
class Effect:
    """The dates that are set to now, those that are set to now if they are null, and those set to null."""

    sets: tuple[str, ...] = ()
    fills: tuple[str, ...] = ()
    clears: tuple[str, ...] = ()
    plans: bool = False  # counts in planned_count


EFFECTS: Mapping[str, Effect] = {
    "start": Effect(sets=("started_at",)),
    "plan": Effect(sets=("planned_at",), fills=("started_at",), plans=True),
    "replan": Effect(sets=("planned_at",), fills=("started_at",), clears=("finished_at",), plans=True),
    "unplan": Effect(clears=("planned_at",)),
    "cancel": Effect(clears=("started_at", "planned_at")),
    "finish": Effect(sets=("finished_at",)),
    "abandon": Effect(sets=("abandoned_at",)),
}

RULES = {
    NEWED: Rule(forbidden=("started_at", "planned_at", "finished_at", "abandoned_at")),
    STARTED: Rule(required=("started_at",), forbidden=("planned_at", "finished_at", "abandoned_at")),
    PLANNED: Rule(required=("started_at", "planned_at"), forbidden=("finished_at", "abandoned_at")),
    FINISHED: Rule(required=("planned_at", "finished_at"), forbidden=("abandoned_at",)),
    # finished_at may be set: no transition abandons a finished task, but the deletion of its project does,
    # and such a task can still be renamed or moved.
    ABANDONED: Rule(required=("abandoned_at",)),
}

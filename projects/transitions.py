"""The states of a project, the transitions between them, and which dates each state requires or forbids."""

from typing import Final

from lessy.ground.state_machine import Rule

NEWED: Final = "newed"
STARTED: Final = "started"
PAUSED: Final = "paused"
FINISHED: Final = "finished"
STATES = (NEWED, STARTED, PAUSED, FINISHED)

TRANSITIONS = {  # (from, to) -> name; an absent pair is refused, the same state included
    (NEWED, STARTED): "start",
    (STARTED, PAUSED): "pause",
    (PAUSED, STARTED): "restart",
    (STARTED, FINISHED): "finish",
}

RULES = {
    NEWED: Rule(forbidden=("started_at", "due_at", "paused_at", "finished_at")),
    STARTED: Rule(required=("started_at", "due_at"), forbidden=("paused_at", "finished_at")),
    PAUSED: Rule(required=("started_at", "paused_at"), forbidden=("finished_at",)),
    FINISHED: Rule(required=("started_at", "finished_at"), forbidden=("paused_at",)),
}

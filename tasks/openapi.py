"""The OpenAPI description of the tasks' endpoints."""

from lessy.api.openapi import (
    DATE,
    DATE_OR_NULL,
    GIVEN_DATE,
    NUMBER,
    PAGE,
    TERMS,
    TEXT,
    TOKEN,
    Schema,
    given,
    id_of,
    many,
    one,
    operation,
    pointer_to,
    record,
    ref,
    resource,
    wrapped,
)
from tasks.models import LABEL_LENGTH
from tasks.transitions import STATES

RULES = ("must_be_set", "cannot_be_set", "blank", "too_long")
OF_ONE = (*TERMS, "record_not_found", "parameter_missing")
ID = [id_of("task")]
PROJECT_ID = {"type": ["integer", "null"]}
LABEL: Schema = TEXT | {"maxLength": LABEL_LENGTH}

COMPONENTS: dict[str, Schema] = {
    "Task": resource(
        "task",
        record(
            label=TEXT,
            order=NUMBER,
            plannedCount=NUMBER,
            state={"enum": list(STATES)},
            startedAt=DATE_OR_NULL,
            plannedAt=DATE_OR_NULL,
            finishedAt=DATE_OR_NULL,
            abandonedAt=DATE_OR_NULL,
            createdAt=DATE,
            updatedAt=DATE,
        ),
        relationships=record(
            user=record(data=pointer_to("user")),
            project=record(data={"anyOf": [pointer_to("project"), {"type": "null"}]}),
        ),
    ),
    "MovedTask": resource("task", record(order=NUMBER)),
}

LIST = operation(
    "My tasks, 50 a page: not abandoned, and not finished before the day two weeks ago",
    success={200: many("Task", links=ref("Links"))},
    errors=TOKEN,
    parameters=[PAGE],
)
CREATE = operation(
    "Create a task; a key plannedAt or finishedAt makes it planned or finished",
    body=wrapped(
        "task",
        given("label", label=LABEL, plannedAt=GIVEN_DATE, finishedAt=GIVEN_DATE, projectId=PROJECT_ID),
    ),
    success={201: one("Task")},
    errors=(*OF_ONE, *RULES, "reached_max"),
)
SHOW = operation("A task", success={200: one("Task")}, errors=(*TERMS, "record_not_found"), parameters=ID)
UPDATE = operation(
    "Change the label or the project of a task",
    body=wrapped("task", given(label=LABEL, projectId=PROJECT_ID)),
    success={200: one("Task")},
    errors=(*OF_ONE, *RULES),
    parameters=ID,
)
CHANGE_STATE = operation(
    "Start, plan, finish, abandon a task, or take that back",
    body=wrapped("task", given("state", state=TEXT)),
    success={200: one("Task")},
    errors=(*OF_ONE, "invalid_transition", *RULES),
    parameters=ID,
)
MOVE = operation(
    "Give a task another place among all tasks",
    body=wrapped("task", given("order", order=NUMBER)),
    success={200: many("MovedTask")},
    errors=(*OF_ONE, "not_a_number"),
    parameters=ID,
)

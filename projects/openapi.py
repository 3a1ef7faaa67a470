"""The OpenAPI description of the projects' endpoints."""

from lessy.api.openapi import (
    DATE,
    DATE_OR_NULL,
    GIVEN_DATE,
    PAGE,
    TERMS,
    TEXT,
    TEXT_OR_NULL,
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
from projects.models import DESCRIPTION_LENGTH, NAME_LENGTH
from projects.transitions import STATES

NAME_RULES = ("blank", "too_long", "taken", "invalid")
DATE_RULES = ("must_be_set", "cannot_be_set", "cannot_be_before_started_at", "cannot_be_after_today")
OF_ONE = (*TERMS, "record_not_found")
ID = [id_of("project")]
NAME: Schema = TEXT | {"maxLength": NAME_LENGTH}
DESCRIPTION: Schema = TEXT_OR_NULL | {"maxLength": DESCRIPTION_LENGTH}

COMPONENTS: dict[str, Schema] = {
    "Project": resource(
        "project",
        record(
            name=TEXT,
            slug=TEXT,
            description=TEXT,
            state={"enum": list(STATES)},
            startedAt=DATE_OR_NULL,
            dueAt=DATE_OR_NULL,
            pausedAt=DATE_OR_NULL,
            finishedAt=DATE_OR_NULL,
            createdAt=DATE,
            updatedAt=DATE,
        ),
        relationships=record(
            user=record(data=pointer_to("user")),
            tasks=record(data={"type": "array", "items": pointer_to("task")}),
        ),
    ),
}

LIST = operation(
    "My projects, 25 a page",
    success={200: many("Project", links=ref("Links"))},
    errors=TOKEN,
    parameters=[PAGE],
)
CREATE = operation(
    "Create a project",
    body=wrapped("project", given("name", name=NAME)),
    success={201: one("Project")},
    errors=(*TERMS, "parameter_missing", *NAME_RULES, "reached_max"),
)
SHOW = operation("A project", success={200: one("Project")}, errors=OF_ONE, parameters=ID)
UPDATE = operation(
    "Change a project; its due date only while it is started",
    body=wrapped("project", given(name=NAME, description=DESCRIPTION, dueAt=GIVEN_DATE)),
    success={200: one("Project")},
    errors=(*OF_ONE, "parameter_missing", *NAME_RULES, *DATE_RULES),
    parameters=ID,
)
DELETE = operation(
    "Delete a project; its tasks become abandoned", success={204: None}, errors=OF_ONE, parameters=ID
)
CHANGE_STATE = operation(
    "Start (with dueAt), pause, restart (with dueAt) or finish (with finishedAt) a project",
    body=wrapped("project", given("state", state=TEXT, dueAt=GIVEN_DATE, finishedAt=GIVEN_DATE)),
    success={200: one("Project")},
    errors=(
        *(*OF_ONE, "parameter_missing", "invalid_transition", "reached_max_started"),
        *(*NAME_RULES, *DATE_RULES),
    ),
    parameters=ID,
)

"""
Every change of a project. The services run under the owner's lock, on the current row. They raise errors of
lessy.api.errors: ValidationErrors for broken rules, ApiError for an operation that is not allowed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypedDict

from django.conf import settings
from django.utils import timezone

from lessy.accounts.models import User
from lessy.api.errors import ApiError, ValidationErrors, record_not_found
from lessy.api.limits import refuse_more_than
from lessy.ground.locks import owner_locked
from lessy.ground.state_machine import InvalidTransition, find_transition
from projects.models import DESCRIPTION_LENGTH, Project
from projects.transitions import PAUSED, STARTED, TRANSITIONS

MAX_STARTED = 3


class ProjectChanges(TypedDict, total=False):
    """An absent key leaves the column as it is."""

    name: str
    description: str
    due_at: datetime | None


def project_create(*, user: User, name: str) -> Project:
    with owner_locked(user.pk) as there:
        if not there:  # deleted since the token was verified
            raise ApiError("unauthorized")
        refuse_more_than(settings.LESSY_MAX_PROJECTS, Project.objects.filter(user=user), "project")
        project = Project(user=user, name=name)
        _save(project, timezone.now())
    return project


def project_update(*, project: Project, changes: ProjectChanges) -> Project:
    """A due date is ignored unless the project is started."""
    with _locked(project):
        for name, value in changes.items():
            if name != "due_at" or project.state == STARTED:
                setattr(project, name, value)
        _save(project, timezone.now(), given=changes)
    return project


def project_change_state(
    *, project: Project, state: str, due_at: datetime | None = None, finished_at: datetime | None = None
) -> Project:
    """Starting takes due_at, finishing finished_at. The tasks are changed in the same transaction."""
    with _locked(project):
        transition = _find_transition(project, state)
        if state == STARTED:
            _refuse_a_fourth(project)
        now = timezone.now()
        project.state = state
        match transition:
            case "start":
                project.started_at, project.due_at = now, due_at
            case "pause":
                project.paused_at = now
            case "restart":
                project.paused_at, project.due_at = None, due_at
            case "finish":
                project.finished_at = finished_at
        _save(project, now)
        _move_tasks(project, now)
    return project


def project_delete(*, project: Project) -> None:
    with _locked(project):
        project.delete()


@contextmanager
def _locked(project: Project) -> Iterator[None]:
    with owner_locked(project.user_id):
        try:
            project.refresh_from_db()
        except Project.DoesNotExist:  # deleted since the view loaded it
            raise record_not_found("project") from None
        yield


def _save(project: Project, now: datetime, given: ProjectChanges | None = None) -> None:
    """Only a given description is checked for its length: a stored one may be older than the limit."""
    errors = project.broken_rules(now)
    if given and len(given.get("description", "")) > DESCRIPTION_LENGTH:
        errors.append(("description", "too_long"))
    if errors:
        raise ValidationErrors("project", errors)
    project.save()


def _find_transition(project: Project, state: str) -> str:
    try:
        return find_transition(TRANSITIONS, project.state, state)
    except InvalidTransition as exc:
        raise ApiError("invalid_transition", pointer="/project/state", detail=f"Project {exc}") from exc


def _refuse_a_fourth(project: Project) -> None:
    if Project.objects.filter(user_id=project.user_id, state=STARTED).count() >= MAX_STARTED:
        raise ApiError("reached_max_started", pointer="/project/state")


def _move_tasks(project: Project, now: datetime) -> None:
    if project.state == STARTED:
        project.tasks.start(now)
    elif project.state == PAUSED:
        project.tasks.hold()

"""
Every change of a task. The services run under the owner's lock, on the current row. They raise errors of
lessy.api.errors: ValidationErrors for broken rules, ApiError for an operation that is not allowed.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TypedDict

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from lessy.accounts.models import User
from lessy.api.errors import ApiError, ValidationErrors, record_not_found
from lessy.api.limits import refuse_more_than
from lessy.ground.locks import owner_locked
from lessy.ground.state_machine import InvalidTransition, find_transition
from projects.models import Project
from tasks.models import LABEL_LENGTH, Task
from tasks.transitions import EFFECTS, FINISHED, PLANNED, STARTED, TRANSITIONS


class FirstDates(TypedDict, total=False):
    """The presence of a key decides the state of a new task, whatever its value."""

    planned_at: datetime | None
    finished_at: datetime | None


class TaskChanges(TypedDict, total=False):
    """An absent key leaves the column as it is; project_id None detaches the task."""

    label: str
    project_id: int | None


def task_create(*, user: User, label: str, project_id: int | None, dates: FirstDates) -> Task:
    with owner_locked(user.pk) as there:
        if not there:  # deleted since the token was verified
            raise ApiError("unauthorized")
        refuse_more_than(settings.LESSY_MAX_TASKS, Task.objects.filter(user=user), "task")
        task = Task(user=user, label=label, project=_own_project(user.pk, project_id))
        _begin(task, dates, timezone.now())
        _save(task, label)
    return task


def task_update(*, task: Task, changes: TaskChanges) -> Task:
    """Every update also adjusts the state to the project's (follow_project)."""
    with _locked(task):
        task.label = changes.get("label", task.label)
        task.project = _own_project(task.user_id, changes.get("project_id", task.project_id))
        task.follow_project(timezone.now())
        _save(task, changes.get("label", ""))
    return task


def task_change_state(*, task: Task, state: str) -> Task:
    with _locked(task):
        effect = EFFECTS[_find_transition(task, state)]
        now = timezone.now()
        task.state = state
        for name in effect.sets:
            setattr(task, name, now)
        for name in effect.fills:
            setattr(task, name, getattr(task, name) or now)
        for name in effect.clears:
            setattr(task, name, None)
        task.planned_count += effect.plans
        _save(task)
    return task


def task_move(*, task: Task, order: int) -> list[tuple[int, int]]:
    """
    Moves the task to this place and shifts the tasks in between. No updated_at changes, and no notification
    is sent.

    Returns: [(id, new order), ...] of every task that moved, this one included; empty if none did.
    """
    with _locked(task):
        if order == task.order:
            return []
        if order < task.order:
            low, high, step = order, task.order - 1, 1
        else:
            low, high, step = task.order + 1, order, -1
        shifted = Task.objects.filter(user_id=task.user_id, order__range=(low, high))
        moved = [(pk, place + step) for pk, place in shifted.values_list("pk", "order")]
        shifted.update(order=F("order") + step)
        Task.objects.filter(pk=task.pk).update(order=order)
        task.order = order
    return [*moved, (task.pk, order)]


@contextmanager
def _locked(task: Task) -> Iterator[None]:
    with owner_locked(task.user_id):
        try:
            task.refresh_from_db()
        except Task.DoesNotExist:  # deleted since the view loaded it
            raise record_not_found("task") from None
        yield


def _save(task: Task, label: str = "") -> None:
    """Only a given label is checked for its length: a stored one may be older than the limit."""
    errors = task.broken_rules()
    if len(label) > LABEL_LENGTH:
        errors.append(("label", "too_long"))
    if errors:
        raise ValidationErrors("task", errors)
    task.save()


def _own_project(user_id: int, project_id: int | None) -> Project | None:
    if project_id is None:
        return None
    project = Project.objects.filter(user_id=user_id, pk=project_id).first()
    if project is None:
        raise record_not_found("project")
    return project


def _begin(task: Task, dates: FirstDates, now: datetime) -> None:
    """Sets the state of a new task: the first branch that matches."""
    if "finished_at" in dates:
        task.state, task.finished_at = FINISHED, dates["finished_at"]
    elif "planned_at" in dates:
        task.state = PLANNED
    elif not task.is_held():
        task.state = STARTED
    else:
        return
    task.started_at = now
    if dates:
        task.planned_at = dates.get("planned_at", now)
        task.planned_count = 1


def _find_transition(task: Task, state: str) -> str:
    try:
        return find_transition(TRANSITIONS, task.state, state)
    except InvalidTransition as exc:
        raise ApiError("invalid_transition", pointer="/task/state", detail=f"Task {exc}") from exc

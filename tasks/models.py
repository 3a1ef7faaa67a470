from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models

from lessy.ground.clock import ClockedModel, ClockedQuerySet
from lessy.ground.locks import owner_locked
from lessy.ground.state_machine import broken_dates
from projects import transitions as project_transitions
from projects.models import Project
from tasks import transitions

LABEL_LENGTH = 2_000
DATES = ("started_at", "planned_at", "finished_at", "abandoned_at")  # in the order errors are reported


class TaskQuerySet(ClockedQuerySet["Task"]):
    """
    Bulk changes, which `projects` calls through project.tasks without an import. Each moves updated_at and
    announces the tasks.
    """

    def kept(self) -> "TaskQuerySet":
        return self.exclude(state=transitions.ABANDONED)

    def current(self, since: datetime) -> "TaskQuerySet":
        """Tasks that are neither abandoned nor finished before `since`."""
        return self.kept().exclude(state=transitions.FINISHED, finished_at__lt=since)

    def start(self, now: datetime) -> list["Task"]:
        """Newed tasks become started; the others do not change."""
        newed = self.filter(state=transitions.NEWED)
        return newed.change(state=transitions.STARTED, started_at=now)

    def hold(self) -> list["Task"]:
        """Started tasks become newed; the others do not change."""
        return self.filter(state=transitions.STARTED).change(state=transitions.NEWED, started_at=None)

    def abandon(self, now: datetime) -> list["Task"]:
        """Abandons all tasks and detaches them from their project, which is deleted. Other dates stay."""
        return self.change(state=transitions.ABANDONED, abandoned_at=now, project=None)


class Task(ClockedModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tasks")
    # Project.delete() abandons the tasks. SET_NULL only prevents that they are deleted with the project.
    project = models.ForeignKey(
        Project, on_delete=models.SET_NULL, null=True, blank=True, related_name="tasks"
    )
    label = models.TextField(validators=[MaxLengthValidator(LABEL_LENGTH)])
    # Unique among the user's tasks, ensured by the owner's lock. Not by a constraint: SQLite cannot defer one
    # to the end of the UPDATE that shifts other tasks.
    order = models.BigIntegerField(editable=False, blank=True)
    planned_count = models.PositiveIntegerField(default=0, editable=False)
    state = models.CharField(
        max_length=10, choices=[(state, state) for state in transitions.STATES], default=transitions.NEWED
    )
    started_at = models.DateTimeField(null=True, blank=True)
    planned_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    abandoned_at = models.DateTimeField(null=True, blank=True)

    objects = TaskQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        indexes = (
            models.Index(fields=("user", "updated_at"), name="tasks_by_change"),
            models.Index(fields=("user", "order"), name="tasks_by_order"),
        )

    def __str__(self) -> str:
        return self.label

    def save(self, **options: Any) -> None:
        """A new task without an order is placed after all tasks of its owner, abandoned ones included."""
        if self.order is not None:
            return super().save(**options)
        with owner_locked(self.user_id):
            highest = Task.objects.filter(user_id=self.user_id).aggregate(highest=models.Max("order"))[
                "highest"
            ]
            self.order = (highest or 0) + 1
            super().save(**options)

    def is_held(self) -> bool:
        """Whether the task has a project that is not started."""
        return self.project is not None and self.project.state != project_transitions.STARTED

    def follow_project(self, now: datetime) -> None:
        """Changes newed or started to match the project. A planned, finished or abandoned task stays."""
        if self.state == transitions.NEWED and not self.is_held():
            self.state, self.started_at = transitions.STARTED, now
        elif self.state == transitions.STARTED and self.is_held():
            self.state, self.started_at = transitions.NEWED, None

    def broken_rules(self) -> list[tuple[str, str]]:
        """The validation errors of the task, each as (field, code)."""
        errors = broken_dates(transitions.RULES[self.state], {name: getattr(self, name) for name in DATES})
        return errors if self.label.strip() else [*errors, ("label", "blank")]

    def clean(self) -> None:
        errors = [f"{field}: {code}" for field, code in self.broken_rules()]
        if self.project and self.project.user_id != self.user_id:
            errors.append("project: belongs to another user")
        if errors:
            raise ValidationError(errors)

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
    """Bulk moves, which projects reach by project.tasks: each moves the clocks and announces the tasks."""

    def kept(self) -> "TaskQuerySet":
        return self.exclude(state=transitions.ABANDONED)

    def current(self, since: datetime) -> "TaskQuerySet":
        """Kept, and not finished before that."""
        return self.kept().exclude(state=transitions.FINISHED, finished_at__lt=since)

    def start(self, now: datetime) -> list["Task"]:
        """Of newed tasks alone; the others stay."""
        newed = self.filter(state=transitions.NEWED)
        return newed.change(state=transitions.STARTED, started_at=now)

    def hold(self) -> list["Task"]:
        """Started tasks become newed; the others stay."""
        return self.filter(state=transitions.STARTED).change(state=transitions.NEWED, started_at=None)

    def abandon(self, now: datetime) -> list["Task"]:
        """Whatever their state; their project goes, so they lose it. Their other dates stay."""
        return self.change(state=transitions.ABANDONED, abandoned_at=now, project=None)


class Task(ClockedModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tasks")
    # A project that goes abandons its tasks by itself; the database only keeps them from going as well.
    project = models.ForeignKey(
        Project, on_delete=models.SET_NULL, null=True, blank=True, related_name="tasks"
    )
    label = models.TextField(validators=[MaxLengthValidator(LABEL_LENGTH)])
    # Unique among the user's tasks, kept so by the owner's lock. No constraint: SQLite cannot defer it to
    # the end of the statement that shifts the others.
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
        """A new task without an order comes after all others of its owner, abandoned ones too."""
        if self.order is not None:
            return super().save(**options)
        with owner_locked(self.user_id):
            highest = Task.objects.filter(user_id=self.user_id).aggregate(highest=models.Max("order"))[
                "highest"
            ]
            self.order = (highest or 0) + 1
            super().save(**options)

    def is_held(self) -> bool:
        """By its project, which is not started."""
        return self.project is not None and self.project.state != project_transitions.STARTED

    def follow_project(self, now: datetime) -> None:
        """Brings newed and started in line with the project; a planned, finished or abandoned task stays."""
        if self.state == transitions.NEWED and not self.is_held():
            self.state, self.started_at = transitions.STARTED, now
        elif self.state == transitions.STARTED and self.is_held():
            self.state, self.started_at = transitions.NEWED, None

    def broken_rules(self) -> list[tuple[str, str]]:
        """Every (field, code) that forbids to save the task as it is."""
        errors = broken_dates(transitions.RULES[self.state], {name: getattr(self, name) for name in DATES})
        return errors if self.label.strip() else [*errors, ("label", "blank")]

    def clean(self) -> None:
        errors = [f"{field}: {code}" for field, code in self.broken_rules()]
        if self.project and self.project.user_id != self.user_id:
            errors.append("project: belongs to another user")
        if errors:
            raise ValidationError(errors)

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils import timezone

from lessy.ground.clock import ClockedModel, ClockedQuerySet
from lessy.ground.locks import owner_locked
from lessy.ground.state_machine import broken_dates
from projects import transitions
from projects.slugs import parameterize

DATES = ("started_at", "due_at", "paused_at", "finished_at")  # in the order in which errors are reported
NAME_LENGTH = 100
DESCRIPTION_LENGTH = 10_000


class Project(ClockedModel):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=NAME_LENGTH)
    # One letter of the name may become two letters of the slug ("ß").
    slug = models.CharField(max_length=2 * NAME_LENGTH, editable=False)
    description = models.TextField(
        blank=True, default="", validators=[MaxLengthValidator(DESCRIPTION_LENGTH)]
    )
    state = models.CharField(
        max_length=10, choices=[(state, state) for state in transitions.STATES], default=transitions.NEWED
    )
    started_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    paused_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    kept_tasks: Sequence[models.Model]  # set by project_shapes: the tasks that are not abandoned

    objects = ClockedQuerySet["Project"].as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("user", "slug"), name="one_slug_per_user"),)
        indexes = (models.Index(fields=("user", "updated_at"), name="projects_by_change"),)

    def __str__(self) -> str:
        return self.name

    def save(self, **options: Any) -> None:
        self.slug = parameterize(self.name)
        if options.get("update_fields"):
            options["update_fields"] = {*options["update_fields"], "slug"}
        super().save(**options)

    def delete(self, using: str | None = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:
        """Its tasks, whatever their state, are abandoned and detached; clients are notified of each task."""
        with owner_locked(self.user_id):
            self.tasks.using(using).abandon(timezone.now())
            return super().delete(using, keep_parents)

    def broken_rules(self, now: datetime) -> list[tuple[str, str]]:
        """The validation errors of the project, each as (field, code). One query."""
        return [*self._broken_dates(now), *self._broken_name(), *self._broken_slug()]

    def clean(self) -> None:
        """The same rules for forms. The errors belong to no field, because a form may not contain it."""
        if errors := self.broken_rules(timezone.now()):
            raise ValidationError([f"{field}: {code}" for field, code in errors])

    def _broken_dates(self, now: datetime) -> list[tuple[str, str]]:
        errors = broken_dates(transitions.RULES[self.state], {name: getattr(self, name) for name in DATES})
        flawed = {name for name, _ in errors}
        errors += [
            (name, "cannot_be_before_started_at") for name in self._early_dates() if name not in flawed
        ]
        if self.state == transitions.FINISHED and self.finished_at and self.finished_at > now:
            errors.append(("finished_at", "cannot_be_after_today"))
        return sorted(errors, key=lambda error: DATES.index(error[0]))  # grouped by field

    def _early_dates(self) -> list[str]:
        start = self.started_at
        return [name for name in DATES if start and getattr(self, name) and getattr(self, name) < start]

    def _broken_name(self) -> list[tuple[str, str]]:
        if len(self.name) > NAME_LENGTH:
            return [("name", "too_long")]
        return [] if self.name.strip() else [("name", "blank")]

    def _broken_slug(self) -> list[tuple[str, str]]:
        """No errors if the name is too long: normalizing it takes time in the square of its length."""
        if len(self.name) > NAME_LENGTH:
            return []
        slug = parameterize(self.name)
        if not slug:
            return [("slug", "blank"), ("slug", "invalid")]
        same = Project.objects.filter(user_id=self.user_id, slug=slug).exclude(pk=self.pk)
        return [("slug", "taken")] if same.exists() else []

"""Projects as the API shows them; the renderer makes the keys camelCase."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Prefetch, prefetch_related_objects

from lessy.accounts.models import User
from lessy.api.dates import format_date
from projects.models import Project

Shape = dict[str, Any]


def project_shape(project: Project, user: User) -> Shape:
    return project_shapes([project], user)[0]


def project_shapes(projects: Sequence[Project], user: User) -> list[Shape]:
    """With the tasks that are not abandoned: one query, whatever the number of projects."""
    task: Any = Project.tasks.rel.related_model  # not imported: tasks imports projects, never the reverse
    kept = task.objects.kept().only("project_id")
    prefetch_related_objects(projects, Prefetch("tasks", queryset=kept, to_attr="kept_tasks"))
    return [_shape(project, user) for project in projects]


def _shape(project: Project, user: User) -> Shape:
    dates = ("started_at", "due_at", "paused_at", "finished_at", "created_at", "updated_at")
    return {
        "id": project.pk,
        "type": "project",
        "attributes": {
            "name": project.name,
            "slug": project.slug,
            "description": project.description,
            "state": project.state,
            **{name: format_date(getattr(project, name), user.time_zone) for name in dates},
        },
        "relationships": {
            "user": {"data": {"type": "user", "id": project.user_id}},
            "tasks": {"data": [{"type": "task", "id": task.pk} for task in project.kept_tasks]},
        },
    }

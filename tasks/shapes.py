"""Tasks as the API shows them; the renderer makes the keys camelCase."""

from typing import Any

from lessy.accounts.models import User
from lessy.api.dates import format_date
from tasks.models import Task

Shape = dict[str, Any]


def task_shape(task: Task, user: User) -> Shape:
    dates = ("started_at", "planned_at", "finished_at", "abandoned_at", "created_at", "updated_at")
    project = {"type": "project", "id": task.project_id} if task.project_id else None
    return {
        "id": task.pk,
        "type": "task",
        "attributes": {
            "label": task.label,
            "order": task.order,
            "planned_count": task.planned_count,
            "state": task.state,
            **{name: format_date(getattr(task, name), user.time_zone) for name in dates},
        },
        "relationships": {
            "user": {"data": {"type": "user", "id": task.user_id}},
            "project": {"data": project},
        },
    }


def moved_shape(pk: int, order: int) -> Shape:
    return {"type": "task", "id": pk, "attributes": {"order": order}}

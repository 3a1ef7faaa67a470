from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from projects.models import Project
from tasks.models import Task
from tests.fixtures import alice_api as alice_api
from tests.fixtures import announced as announced
from tests.fixtures import bob_api as bob_api
from tests.fixtures import count_queries as count_queries
from tests.fixtures import unaccepted_terms as unaccepted_terms
from tests.projects.conftest import project_in

DATES = {
    "newed": (),
    "started": ("started_at",),
    "planned": ("started_at", "planned_at"),
    "finished": ("started_at", "planned_at", "finished_at"),
    "abandoned": ("started_at", "planned_at", "abandoned_at"),
}
AGES = {"started_at": 4, "planned_at": 3, "finished_at": 2, "abandoned_at": 1}  # in days


def task_in(user: Any, state: str, **columns: Any) -> Task:
    """A task that has lawfully come to that state, some days ago."""
    now = timezone.now()
    dates = {date: now - timedelta(days=AGES[date]) for date in DATES[state]}
    planned = {"planned_count": 1} if "planned_at" in dates else {}
    return Task.objects.create(
        **{"user": user, "state": state, "label": "buy tea", **dates, **planned, **columns}
    )


@pytest.fixture
def new_task(alice) -> Callable[..., Task]:
    """new_task("planned", label=...) of alice."""

    def new(state: str = "started", **columns: Any) -> Task:
        return task_in(alice, state, **columns)

    return new


@pytest.fixture
def new_project(alice) -> Callable[..., Project]:
    def new(state: str = "started", **columns: Any) -> Project:
        return project_in(alice, state, **columns)

    return new

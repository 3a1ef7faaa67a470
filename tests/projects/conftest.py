from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from projects.models import Project
from tests.fixtures import alice_api as alice_api
from tests.fixtures import announced as announced
from tests.fixtures import bob_api as bob_api
from tests.fixtures import count_queries as count_queries
from tests.fixtures import unaccepted_terms as unaccepted_terms

DATES = {
    "newed": (),
    "started": ("started_at", "due_at"),
    "paused": ("started_at", "due_at", "paused_at"),
    "finished": ("started_at", "due_at", "finished_at"),
}
AGES = {"started_at": 3, "paused_at": 2, "finished_at": 1, "due_at": -7}  # in days


def project_in(user: Any, state: str, name: str = "Laura Palmer", **columns: Any) -> Project:
    """A project that has lawfully come to that state, some days ago."""
    now = timezone.now()
    dates = {date: now - timedelta(days=AGES[date]) for date in DATES[state]}
    return Project.objects.create(**{"user": user, "state": state, "name": name, **dates, **columns})


@pytest.fixture
def new_project(alice) -> Callable[..., Project]:
    """new_project("paused", name=...) of alice."""

    def new(state: str = "newed", **columns: Any) -> Project:
        return project_in(alice, state, **columns)

    return new

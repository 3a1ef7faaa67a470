"""
What if the server restarts, the connection to Redis breaks, or a program writes by SQL? Each is a button of
the start page, which causes the fault and creates a task for which no notification is delivered. urls.py adds
the endpoints in DEBUG only.
"""

import os
import sys
from collections.abc import Callable

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from lessy.accounts.models import User
from lessy.accounts.permissions import HasAcceptedTerms, HasToken, user_of
from lessy.api.errors import ApiError, ValidationErrors
from lessy.api.parameters import require, text, wrapped
from lessy.api.views import LessyView
from lessy.drill import cut_connections
from lessy.ground.locks import owner_locked
from notifications.conf import cable_settings
from tasks.models import LABEL_LENGTH
from tasks.services import task_create

CUT_SECONDS = 2.0

_INSERT = """
INSERT INTO tasks_task (user_id, label, "order", state, planned_count, started_at, created_at, updated_at)
SELECT %s, %s, COALESCE(MAX("order"), 0) + 1, 'started', 0, %s, %s, %s FROM tasks_task WHERE user_id = %s
"""


class WhatIfView(LessyView):
    permission_classes = (HasToken, HasAcceptedTerms)

    def get(self, request: Request) -> Response:
        """What the buttons need to know: {"redis": whether there is one, "reconcileSeconds": 30.0}."""
        seconds = cable_settings().reconcile_interval
        return Response({"data": {"redis": bool(settings.REDIS_URLS), "reconcile_seconds": seconds}})


class FaultView(LessyView):
    permission_classes = (HasToken, HasAcceptedTerms)

    def post(self, request: Request, fault: str) -> Response:
        """{"label": "…"} of the task. A restart is never answered: the connection ends."""
        if fault not in FAULTS:
            raise ApiError("missing_endpoint")
        params = wrapped(request.data, "task", ("label",))
        require(params, "task", "label")
        label = text(params["label"])
        if len(label) > LABEL_LENGTH:
            raise ValidationErrors("task", [("label", "too_long")])
        FAULTS[fault](user_of(request), label)
        return Response({"data": {}}, status=202)


def restart(user: User, label: str) -> None:
    """Restarts after the task is committed and before its notification is published."""
    with transaction.atomic():
        # Registered before the cable's own hook, so that it runs first.
        transaction.on_commit(_replace_process)
        task_create(user=user, label=label, project_id=None, dates={})


def _replace_process() -> None:
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 the command we were started by


def cut_redis(user: User, label: str) -> None:
    """No hub receives what is published to Redis meanwhile."""
    cut_connections(CUT_SECONDS)
    task_create(user=user, label=label, project_id=None, dates={})


def write_by_sql(user: User, label: str) -> None:
    """Bypasses the ORM: no signal is sent."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with owner_locked(user.pk), connection.cursor() as cursor:
        cursor.execute(_INSERT, [user.pk, label, now, now, now, user.pk])


FAULTS: dict[str, Callable[[User, str], None]] = {
    "restart": restart,
    "redis": cut_redis,
    "sql": write_by_sql,
}

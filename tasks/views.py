from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone
from drf_spectacular.utils import extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from lessy.accounts.models import User
from lessy.api.dates import parse_date
from lessy.api.errors import ValidationErrors, record_not_found
from lessy.api.pagination import paginated
from lessy.api.parameters import require, scalars, text, wrapped
from lessy.ground.numbers import whole_number
from projects.views import CollectionView, OwnerView
from tasks import openapi
from tasks.models import Task
from tasks.services import FirstDates, TaskChanges, task_change_state, task_create, task_move, task_update
from tasks.shapes import moved_shape, task_shape

PAGE_SIZE = 50
SHOWN_AFTER_FINISH = timedelta(days=14)
COLUMNS = ("label", "state", "order", "planned_at", "finished_at", "project_id")  # of an unwrapped body


@extend_schema_view(get=openapi.LIST, post=openapi.CREATE)
class TaskCollectionView(CollectionView):
    def get(self, request: Request) -> Response:
        rows = Task.objects.filter(user=self.user).current(_two_weeks_ago(self.user)).order_by("pk")
        return paginated(
            request, rows, PAGE_SIZE, lambda page: [task_shape(task, self.user) for task in page]
        )

    def post(self, request: Request) -> Response:
        params = wrapped(request.data, "task", COLUMNS)
        require(params, "task", "label")
        params = scalars(params)
        task = task_create(
            user=self.user,
            label=text(params["label"]),
            project_id=_project_id(params.get("project_id")),
            dates=_first_dates(params, self.user),
        )
        return _answer(task, self.user, status=201)


@extend_schema_view(get=openapi.SHOW, patch=openapi.UPDATE)
class TaskMemberView(OwnerView):
    def get(self, request: Request, pk: str) -> Response:
        return _answer(_find_task(self.user, pk), self.user)

    def patch(self, request: Request, pk: str) -> Response:
        task = _find_task(self.user, pk)
        params = scalars(wrapped(request.data, "task", COLUMNS))
        changes: TaskChanges = {}
        if "label" in params:
            changes["label"] = text(params["label"])
        if "project_id" in params:
            changes["project_id"] = _project_id(params["project_id"])
        task_update(task=task, changes=changes)
        return _answer(task, self.user)


@extend_schema_view(put=openapi.CHANGE_STATE)
class TaskStateView(OwnerView):
    def put(self, request: Request, pk: str) -> Response:
        task = _find_task(self.user, pk)
        params = wrapped(request.data, "task", COLUMNS)
        require(params, "task", "state")
        task_change_state(task=task, state=text(params["state"]))
        return _answer(task, self.user)


@extend_schema_view(put=openapi.MOVE)
class TaskOrderView(OwnerView):
    def put(self, request: Request, pk: str) -> Response:
        task = _find_task(self.user, pk)
        params = wrapped(request.data, "task", COLUMNS)
        require(params, "task", "order")
        order = whole_number(params["order"])
        if order is None:
            raise ValidationErrors("task", [("order", "not_a_number")])
        moved = task_move(task=task, order=order)
        return Response({"data": [moved_shape(*place) for place in moved]})


def _find_task(user: User, pk: str) -> Task:
    """Raises: record_not_found if `pk` is not a number, or not a task of this user."""
    task = Task.objects.filter(user=user, pk=whole_number(pk) or 0).first()
    if task is None:
        raise record_not_found("task")
    return task


def _two_weeks_ago(user: User) -> datetime:
    """Midnight at the start of that day, in the user's time zone."""
    zone = ZoneInfo(user.time_zone)
    day = timezone.now().astimezone(zone).date() - SHOWN_AFTER_FINISH
    return datetime.combine(day, time.min, zone)


def _project_id(value: object) -> int | None:
    """None if the value is empty. Raises: record_not_found if it is not a number."""
    if not text(value).strip():
        return None
    number = whole_number(value)
    if number is None:
        raise record_not_found("project")
    return number


def _first_dates(params: dict[str, Any], user: User) -> FirstDates:
    dates: FirstDates = {}
    if "planned_at" in params:
        dates["planned_at"] = parse_date(params["planned_at"], user.time_zone)
    if "finished_at" in params:
        dates["finished_at"] = parse_date(params["finished_at"], user.time_zone)
    return dates


def _answer(task: Task, user: User, status: int = 200) -> Response:
    return Response({"data": task_shape(task, user)}, status=status)

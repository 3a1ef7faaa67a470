from typing import Any, cast

from drf_spectacular.utils import extend_schema_view
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from lessy.accounts.models import User
from lessy.accounts.permissions import HasAcceptedTerms, HasToken
from lessy.api.dates import parse_date
from lessy.api.errors import record_not_found
from lessy.api.pagination import paginated
from lessy.api.parameters import require, scalars, text, wrapped
from lessy.api.views import LessyView
from lessy.ground.numbers import whole_number
from projects import openapi
from projects.models import Project
from projects.services import (
    ProjectChanges,
    project_change_state,
    project_create,
    project_delete,
    project_update,
)
from projects.shapes import project_shape, project_shapes
from projects.transitions import FINISHED, STARTED

PAGE_SIZE = 25
COLUMNS = ("name", "description", "state", "due_at", "finished_at")  # what an unwrapped body may hold
DATE_OF_STATE = {STARTED: "due_at", FINISHED: "finished_at"}  # asking for the state requires the date


class OwnerView(LessyView):
    """Of what belongs to the user who asks."""

    permission_classes = (HasToken, HasAcceptedTerms)

    @property
    def user(self) -> User:
        return cast(User, self.request.user)  # not an AnonymousUser: HasToken has passed


class CollectionView(OwnerView):
    def get_permissions(self) -> list[BasePermission]:
        """The list does not require accepted terms: the client shows the terms above it."""
        return [HasToken()] if self.request.method == "GET" else [HasToken(), HasAcceptedTerms()]


@extend_schema_view(get=openapi.LIST, post=openapi.CREATE)
class ProjectCollectionView(CollectionView):
    def get(self, request: Request) -> Response:
        rows = Project.objects.filter(user=self.user).order_by("pk")
        return paginated(request, rows, PAGE_SIZE, lambda page: project_shapes(page, self.user))

    def post(self, request: Request) -> Response:
        params = wrapped(request.data, "project", COLUMNS)
        require(params, "project", "name")
        project = project_create(user=self.user, name=text(params["name"]))
        return _answer(project, self.user, status=201)


@extend_schema_view(get=openapi.SHOW, patch=openapi.UPDATE, delete=openapi.DELETE)
class ProjectMemberView(OwnerView):
    def get(self, request: Request, pk: str) -> Response:
        return _answer(find_project(self.user, pk), self.user)

    def patch(self, request: Request, pk: str) -> Response:
        project = find_project(self.user, pk)
        params = scalars(wrapped(request.data, "project", COLUMNS))
        project_update(project=project, changes=_changes(params, self.user))
        return _answer(project, self.user)

    def delete(self, request: Request, pk: str) -> Response:
        project_delete(project=find_project(self.user, pk))
        return Response(status=204)


@extend_schema_view(put=openapi.CHANGE_STATE)
class ProjectStateView(OwnerView):
    def put(self, request: Request, pk: str) -> Response:
        project = find_project(self.user, pk)
        params = wrapped(request.data, "project", COLUMNS)
        require(params, "project", "state")
        state = text(params["state"])
        dates = {}
        if name := DATE_OF_STATE.get(state):
            require(params, "project", name)
            dates[name] = parse_date(params[name], self.user.time_zone)
        project_change_state(project=project, state=state, **dates)
        return _answer(project, self.user)


def find_project(user: User, pk: object) -> Project:
    """Raises: record_not_found if `pk` is not a number, or not a project of this user."""
    project = Project.objects.filter(user=user, pk=whole_number(pk) or 0).first()
    if project is None:
        raise record_not_found("project")
    return project


def _changes(params: dict[str, Any], user: User) -> ProjectChanges:
    changes: ProjectChanges = {}
    if "name" in params:
        changes["name"] = text(params["name"])
    if "description" in params:
        changes["description"] = text(params["description"])
    if "due_at" in params:
        changes["due_at"] = parse_date(params["due_at"], user.time_zone)
    return changes


def _answer(project: Project, user: User, status: int = 200) -> Response:
    return Response({"data": project_shape(project, user)}, status=status)

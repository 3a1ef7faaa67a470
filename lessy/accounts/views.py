from typing import Any, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from lessy.accounts import tokens
from lessy.accounts.permissions import HasToken, token_of, user_of
from lessy.accounts.services import log_in
from lessy.accounts.shapes import user_shape
from lessy.api.parameters import scalars, text
from lessy.api.views import LessyView


class AuthorizationsView(LessyView):
    def get_permissions(self) -> list[BasePermission]:
        return [HasToken()] if self.request.method == "DELETE" else []

    def post(self, request: Request) -> Response:
        params = scalars(cast(dict[str, Any], request.data))
        sudo = params.get("sudo") not in (None, False)
        name, password = text(params.get("username")), text(params.get("password"))
        user, token = log_in(name=name, password=password, sudo=sudo)
        return Response({"data": user_shape(user), "meta": {"token": token}})

    def delete(self, request: Request) -> Response:
        """Signs out the token that asks; with ?all=true every token of the user."""
        if request.query_params.get("all") == "true":
            tokens.revoke_all(user_of(request))
        else:
            tokens.revoke([token_of(request)])
        return Response(status=204)


class MeView(LessyView):
    permission_classes = (HasToken,)

    def get(self, request: Request) -> Response:
        return Response({"data": user_shape(user_of(request))})

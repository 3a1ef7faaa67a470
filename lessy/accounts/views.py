from typing import Any, cast

from drf_spectacular.utils import extend_schema_view
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from lessy.accounts import openapi, services, throttles, tokens
from lessy.accounts.features import features_of, registration_is_open
from lessy.accounts.models import TermsOfService, User
from lessy.accounts.permissions import (
    HasAcceptedTerms,
    HasSudo,
    HasSudoIfActivated,
    HasToken,
    IsActivated,
    token_of,
    user_of,
)
from lessy.accounts.shapes import PROFILE, feature_shape, terms_shape, user_shape
from lessy.api.errors import ApiError
from lessy.api.parameters import require, scalars, text, wrapped
from lessy.api.views import LessyView

COLUMNS = ("email", "username", "time_zone")  # what an unwrapped body may hold


@extend_schema_view(get=openapi.ROOT)
class RootView(LessyView):
    def get(self, request: Request) -> Response:
        terms = TermsOfService.objects.current()
        info: dict[str, Any] = {"registration_disabled": not registration_is_open(request)}
        return Response(info | ({"tos_version": terms.version} if terms else {}))


@extend_schema_view(get=openapi.CURRENT_TERMS)
class CurrentTermsView(LessyView):
    def get(self, request: Request) -> Response:
        terms = TermsOfService.objects.current()
        return Response({"data": terms_shape(terms)}) if terms else Response(status=204)


@extend_schema_view(post=openapi.REGISTER)
class UserCollectionView(LessyView):
    throttle_classes = throttles.REGISTRATION

    def post(self, request: Request) -> Response:
        if not registration_is_open(request):
            raise ApiError("registration_disabled")
        user, token = services.register(email=_required(request, COLUMNS, "email")[0])
        return _with_token(user, token, status=201)


@extend_schema_view(post=openapi.LOG_IN, delete=openapi.LOG_OUT)
class AuthorizationsView(LessyView):
    throttle_classes = throttles.LOG_IN

    def get_permissions(self) -> list[BasePermission]:
        return [HasToken()] if self.request.method == "DELETE" else []

    def post(self, request: Request) -> Response:
        params = _top_level(request)
        sudo = params.get("sudo") is not None and params["sudo"] is not False  # 0 is present
        name, password = text(params.get("username")), text(params.get("password"))
        user, token = services.log_in(name=name, password=password, sudo=sudo)
        throttles.logged_in(request, user)
        return _with_token(user, token)

    def delete(self, request: Request) -> Response:
        """Signs out the token that asks; with ?all=true every token of the user."""
        if request.query_params.get("all") == "true":
            tokens.revoke_all(user_of(request))
        else:
            tokens.revoke([token_of(request)])
        return Response(status=204)


@extend_schema_view(post=openapi.ACTIVATE)
class ActivationsView(LessyView):
    throttle_classes = (throttles.HashingByAddress,)

    def post(self, request: Request) -> Response:
        user = services.find_by_activation_token(text(_top_level(request).get("token")))
        username, password = _required(request, (), "username", "password")
        token = services.activate(user=user, username=username, password=password)
        throttles.logged_in(request, user)
        return _with_token(user, token)


@extend_schema_view(post=openapi.RESEND_ACTIVATION)
class ActivationEmailsView(LessyView):
    throttle_classes = throttles.MAIL

    def post(self, request: Request) -> Response:
        services.resend_activation(email=_required(request, (), "email")[0])
        return Response(status=204)


@extend_schema_view(post=openapi.ASK_FOR_RESET)
class PasswordResetsView(LessyView):
    throttle_classes = throttles.MAIL

    def post(self, request: Request) -> Response:
        services.request_reset(email=_required(request, (), "email")[0])
        return Response(status=204)


@extend_schema_view(post=openapi.SET_PASSWORD)
class PasswordsView(LessyView):
    """Two doors: a token of a mail, whoever asks; or else the sudo token of an active user."""

    throttle_classes = throttles.HASHING

    def get_permissions(self) -> list[BasePermission]:
        by_mail = _top_level(self.request).get("token") is not None
        return [] if by_mail else [HasToken(), HasAcceptedTerms(), HasSudo(), IsActivated()]

    def post(self, request: Request) -> Response:
        token = _top_level(request).get("token")
        if token is not None:
            user = services.find_by_reset_token(text(token))
            [password] = _required(request, (), "password")
            signed_in = services.reset_password(user=user, password=password)
            throttles.logged_in(request, user)
            return _with_token(user, signed_in)
        [password] = _required(request, (), "password")
        services.change_password(user=user_of(request), password=password, keep=token_of(request))
        return Response({"data": user_shape(user_of(request))})


@extend_schema_view(get=openapi.ME, patch=openapi.CHANGE_PROFILE, delete=openapi.DELETE_ME)
class MeView(LessyView):
    def get_permissions(self) -> list[BasePermission]:
        match self.request.method:
            case "PATCH":
                return [HasToken(), HasAcceptedTerms(), IsActivated()]
            case "DELETE":
                return [HasToken(), HasSudoIfActivated()]
        return [HasToken()]

    def get(self, request: Request) -> Response:
        return Response({"data": user_shape(user_of(request))})

    def patch(self, request: Request) -> Response:
        """Nulls change nothing."""
        params = scalars(wrapped(request.data, "user", COLUMNS))
        given = {name: text(params[name]) for name in COLUMNS if params.get(name) is not None}
        services.update_profile(user=user_of(request), changes=cast(services.Profile, given))
        return Response({"data": user_shape(user_of(request), PROFILE)})

    def delete(self, request: Request) -> Response:
        services.delete_user(user=user_of(request))
        return Response(status=204)


@extend_schema_view(post=openapi.ACCEPT_TERMS)
class AcceptedTermsView(LessyView):
    permission_classes = (HasToken,)

    def post(self, request: Request) -> Response:
        services.accept_terms(user=user_of(request))
        return Response({"data": user_shape(user_of(request), ("has_accepted_tos",))})


@extend_schema_view(get=openapi.FEATURES)
class FeaturesView(LessyView):
    permission_classes = (HasToken,)

    def get(self, request: Request) -> Response:
        return Response({"data": [feature_shape(name) for name in features_of(request)]})


def _top_level(request: Request) -> dict[str, Any]:
    return scalars(cast(dict[str, Any], request.data))


def _required(request: Request, columns: tuple[str, ...], *names: str) -> list[str]:
    """The parameters of the user object, all of them required, in this order."""
    params = wrapped(request.data, "user", columns)
    require(params, "user", *names)
    return [text(params[name]) for name in names]


def _with_token(user: User, token: str, status: int = 200) -> Response:
    return Response({"data": user_shape(user), "meta": {"token": token}}, status)

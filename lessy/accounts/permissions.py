"""Each permission raises its API error itself. A view lists them in the order in which they are checked."""

from typing import Any, cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from lessy.accounts.models import AccessToken, TermsOfService, User
from lessy.api.errors import ApiError


def user_of(request: Request) -> User:
    """The user of a request that passed HasToken."""
    return cast(User, request.user)


def token_of(request: Request) -> AccessToken:
    return cast(AccessToken, request.auth)


class HasToken(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if request.auth is None:
            raise ApiError("unauthorized")
        return True


class HasAcceptedTerms(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        terms = TermsOfService.objects.current()
        if terms and user_of(request).accepted_terms_id != terms.pk:
            raise ApiError("tos_not_accepted")
        return True


class HasSudo(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if not token_of(request).sudo:
            raise ApiError("sudo_required")
        return True


class IsActivated(BasePermission):
    def has_permission(self, request: Request, view: Any) -> bool:
        if user_of(request).activated_at is None:
            raise ApiError("user_inactive", pointer="/user")
        return True


class HasSudoIfActivated(HasSudo):
    """A pending user needs no sudo, because they have no password to obtain it with."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return user_of(request).activated_at is None or super().has_permission(request, view)

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from lessy.accounts.models import User
from lessy.accounts.rules import ADDRESS_LENGTH, broken_password
from lessy.accounts.throttles import logged_in, may_log_in


class ThrottledBackend(ModelBackend):
    """The admin's login, with the same rate limits as the API's."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **more: Any,
    ) -> User | None:
        if request is not None and not may_log_in(request, username or ""):
            raise PermissionDenied
        if len(username or "") > ADDRESS_LENGTH or broken_password(password or ""):
            return None  # Django's form does not limit their length
        user = super().authenticate(request, username, password, **more)
        if request is not None and user is not None:
            logged_in(request, user)
        return user

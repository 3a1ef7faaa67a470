"""Feature flags of django-waffle, edited in the admin. A flag that does not exist is off."""

from typing import cast

from django.http import HttpRequest
from rest_framework.request import Request
from waffle import flag_is_active, get_waffle_flag_model

REGISTRATION = "feature_registration"


def registration_is_open(request: Request) -> bool:
    return bool(flag_is_active(cast(HttpRequest, request), REGISTRATION, read_only=True))


def features_of(request: Request) -> list[str]:
    """The names of the flags that are on for the user of this request."""
    flags = get_waffle_flag_model().get_all()
    asked = cast(HttpRequest, request)
    return sorted(flag.name for flag in flags if flag.is_active(asked, read_only=True))

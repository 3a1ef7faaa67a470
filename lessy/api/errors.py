"""Every error of the API, and its one format: {"errors": [{status, code, title, detail, source?}, ...]}."""

import json
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.response import Response

_RECORD = "Record cannot be found, it has been deleted or you may not have access to it."
_ENDPOINT = "Endpoint you try to reach does not exist, you might be using wrong HTTP verb."
ERRORS = {  # code -> status, title, detail: constants of the wire
    "bad_request": (400, "Bad request", "The body of the request cannot be read as a JSON object."),
    "unauthorized": (
        401,
        "Authorization is required",
        "Resource you try to reach requires a valid Authorization token.",
    ),
    "login_failed": (
        401,
        "Credentials are wrong",
        "You failed to authenticate yourself, credentials are probably wrong.",
    ),
    "sudo_required": (
        403,
        "Sudo authorization token is required",
        "Resource you try to reach requires higher permissions.",
    ),
    "tos_not_accepted": (
        403,
        "Terms of service not accepted",
        "Resource you try to reach requires that you accept the terms of service.",
    ),
    "user_inactive": (403, "User is inactive", "The user did not activate its account."),
    "registration_disabled": (
        403,
        "Registration disabled",
        "Registration has been disabled by the administrator.",
    ),
    "missing_endpoint": (404, "Missing endpoint", _ENDPOINT),
    "record_not_found": (404, "Record not found", _RECORD),
    "content_too_large": (413, "Content too large", "The request body is too large."),
    "headers_too_large": (431, "Headers too large", "The request headers are too large."),
    "parameter_missing": (
        422,
        "Parameter is missing",
        "A parameter is missing or empty but it is required.",
    ),
    "invalid_transition": (422, "Invalid transition", "This change of state is not possible."),
    "reached_max_started": (422, "Forbidden transition", "User cannot have more than 3 started projects"),
    "reached_max": (422, "Limit reached", "User cannot have more of them."),
    "too_many_requests": (429, "Too many requests", "You sent too many requests, try again later."),
    "unavailable": (503, "Service unavailable", "The server is overloaded, try again later."),
    "server_error": (500, "Server error", "Something went wrong on the server."),
}
_VALIDATION = (
    422,
    "Resource validation failed",
    "Resource cannot be saved because of validation constraints.",
)


class ApiError(APIException):
    def __init__(self, code: str, *, pointer: str | None = None, detail: str | None = None) -> None:
        self.status_code = ERRORS[code][0]
        super().__init__(detail or ERRORS[code][2], code)
        self.elements = [element(code, pointer, detail)]


class ValidationErrors(APIException):
    """errors: [(field, code), ...], one element each."""

    status_code = 422

    def __init__(self, resource: str, errors: list[tuple[str, str]]) -> None:
        super().__init__(_VALIDATION[2], "invalid")
        self.elements = [element(code, f"/{resource}/{field}") for field, code in errors]


def record_not_found(resource: str) -> ApiError:
    return ApiError("record_not_found", pointer=f"/{resource}")


def parameter_missing(pointer: str) -> ApiError:
    return ApiError("parameter_missing", pointer=pointer)


def element(code: str, pointer: str | None = None, detail: str | None = None) -> dict[str, Any]:
    """One error object. A code that is not in ERRORS is a validation code."""
    status, title, usual = ERRORS.get(code, _VALIDATION)
    found: dict[str, Any] = {
        "status": f"{status} {HTTPStatus(status).phrase}",
        "code": code,
        "title": title,
        "detail": detail or usual,
    }
    return found | ({"source": {"pointer": pointer}} if pointer else {})


def error_body(code: str) -> bytes:
    """A complete response body with one error, for code that responds without Django REST framework."""
    return json.dumps({"errors": [element(code)]}).encode()


_CODE_OF_STATUS = {
    401: "unauthorized",
    403: "sudo_required",
    404: "missing_endpoint",
    405: "missing_endpoint",
}


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """None for an unexpected exception: Django logs it with its traceback, and handler500 responds."""
    if isinstance(exc, ApiError | ValidationErrors):
        from rest_framework.views import (
            set_rollback,  # loads the parsers, which need ApiError
        )

        set_rollback()
        return Response({"errors": exc.elements}, exc.status_code)
    if isinstance(exc, Http404):
        return exception_handler(ApiError("missing_endpoint"), context)
    if isinstance(exc, PermissionDenied):
        return exception_handler(ApiError("sudo_required"), context)
    if not isinstance(exc, APIException):
        return None
    code = "too_many_requests" if exc.status_code == 429 else _CODE_OF_STATUS.get(exc.status_code)
    answer = exception_handler(ApiError(code or "bad_request"), context)
    if answer is not None and (wait := getattr(exc, "wait", None)):
        answer["Retry-After"] = str(int(wait) + 1)
    return answer

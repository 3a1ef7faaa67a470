"""
The server's own error responses, for requests that do not reach the application. Bodies are JSON.

CABLE["SERVER"]["ERROR_BODY"] may name a function of the project that makes the bodies: it receives one of the
codes below, and returns bytes.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from typing import Any, cast

from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from ..conf import server_settings

BAD_REQUEST = "bad_request"
CONTENT_TOO_LARGE = "content_too_large"
HEADERS_TOO_LARGE = "headers_too_large"
UNAVAILABLE = "unavailable"

STATUS = {
    BAD_REQUEST: HTTPStatus.BAD_REQUEST,
    CONTENT_TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HEADERS_TOO_LARGE: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
DETAIL = {
    BAD_REQUEST: "A request of HTTP/1.1 must have exactly one Host header.",
    CONTENT_TOO_LARGE: "The body of the request is too large.",
    HEADERS_TOO_LARGE: "The headers of the request are too large.",
    UNAVAILABLE: "The server has too many requests at once. Try again later.",
}
# Seconds after which a refused client may try again.
RETRY_AFTER = b"5"

ErrorBody = Callable[[str], bytes]


def own_error_body(code: str) -> bytes:
    return json.dumps({"error": code, "detail": DETAIL[code]}).encode()


@lru_cache(maxsize=1)
def error_body() -> ErrorBody:
    """Raises ImportError if ERROR_BODY cannot be imported."""
    path = server_settings().error_body
    return cast(ErrorBody, import_string(path)) if path else own_error_body


def body(code: str) -> bytes:
    return error_body()(code)


def messages(code: str) -> list[dict[str, Any]]:
    """The answer, as an ASGI application sends it."""
    headers = [(b"Content-Type", b"application/json")]
    if code == UNAVAILABLE:
        headers.append((b"Retry-After", RETRY_AFTER))
    return [
        {"type": "http.response.start", "status": STATUS[code].value, "headers": headers},
        {"type": "http.response.body", "body": body(code)},
    ]


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    if setting == "CABLE":
        error_body.cache_clear()

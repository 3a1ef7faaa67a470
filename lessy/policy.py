"""
The Content-Security-Policy of the admin, the API and its documentation. The start page sets its own
(web/views.py). A client that was built elsewhere gets none, because its needs are not known here.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"
# Inline styles are allowed: Swagger UI sets some, and the cable's page in the admin contains a few lines.
PAGES = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
API = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
POLICIES = {"/admin": PAGES, "/docs": PAGES, "/api": API, "/health": API, "/metrics": API}


class Policy:
    """A middleware."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self._get_response(request)
        policy = policy_of(request.path_info)
        # Django's error pages in DEBUG have inline scripts.
        if policy and not (settings.DEBUG and response.status_code in (404, 500)):
            response.headers.setdefault(HEADER, policy)
        return response


def policy_of(path: str) -> str | None:
    for prefix, policy in POLICIES.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            return policy
    return None

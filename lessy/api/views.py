from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.views import APIView

from lessy.api.errors import ERRORS, ApiError, element


class LessyView(APIView):
    """A verb that it does not have is a missing endpoint, whoever asks."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "OPTIONS" or not hasattr(self, str(request.method).lower()):
            raise ApiError("missing_endpoint")
        super().initial(request, *args, **kwargs)


def _refusal(code: str) -> JsonResponse:
    content_type = "application/json; charset=utf-8"
    return JsonResponse({"errors": [element(code)]}, status=ERRORS[code][0], content_type=content_type)


@csrf_exempt
def missing_endpoint(request: HttpRequest) -> HttpResponse:
    return _refusal("missing_endpoint")


def _is_api(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Such as a Host that is not ours."""
    return _refusal("bad_request") if _is_api(request) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refusal("sudo_required") if _is_api(request) else defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return missing_endpoint(request) if _is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return _refusal("server_error") if _is_api(request) else defaults.server_error(request)

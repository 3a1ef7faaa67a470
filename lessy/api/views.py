from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from lessy.api.errors import ERRORS, ApiError, element
from lessy.api.throttles import ByUser


class LessyView(APIView):
    """A verb that it does not have is a missing endpoint, whoever asks."""

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """A chunked body has no Content-Length. Without one, DRF would treat the body as empty."""
        if "CONTENT_LENGTH" not in request.META and "HTTP_TRANSFER_ENCODING" in request.META:
            request.META["CONTENT_LENGTH"] = str(len(request.body))
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "OPTIONS" or not hasattr(self, str(request.method).lower()):
            raise ApiError("missing_endpoint")
        super().initial(request, *args, **kwargs)

    def get_throttles(self) -> list[BaseThrottle]:
        return [ByUser(), *super().get_throttles()]

    def check_throttles(self, request: Request) -> None:
        """Stops at the first throttle that refuses; DRF's own method would count in all of them."""
        for throttle in self.get_throttles():
            if not throttle.allow_request(request, self):
                self.throttled(request, throttle.wait() or 0)


def _refusal(code: str) -> JsonResponse:
    content_type = "application/json; charset=utf-8"
    return JsonResponse({"errors": [element(code)]}, status=ERRORS[code][0], content_type=content_type)


@csrf_exempt
def missing_endpoint(request: HttpRequest) -> HttpResponse:
    return _refusal("missing_endpoint")


def _is_api(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """For example at a Host that is not in ALLOWED_HOSTS."""
    return _refusal("bad_request") if _is_api(request) else defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _refusal("sudo_required") if _is_api(request) else defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return missing_endpoint(request) if _is_api(request) else defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    return _refusal("server_error") if _is_api(request) else defaults.server_error(request)

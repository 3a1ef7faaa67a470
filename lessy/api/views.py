from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.defaults import server_error as html_server_error
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


def server_error(request: HttpRequest) -> HttpResponse:
    return _refusal("server_error") if request.path.startswith("/api") else html_server_error(request)

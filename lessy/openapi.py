"""The OpenAPI document of the whole API, assembled from the apps' openapi.py."""

from functools import cache
from typing import Any

from django.http import HttpResponse
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiJsonRenderer
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.request import Request

import lessy.accounts.openapi
import lessy.api.openapi
import lessy.cable_openapi
import projects.openapi
import tasks.openapi

PARTS = (
    lessy.api.openapi,
    lessy.accounts.openapi,
    projects.openapi,
    tasks.openapi,
    lessy.cable_openapi,
)


def add_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A postprocessing hook of drf-spectacular."""
    schemas = result["components"].setdefault("schemas", {})
    for part in PARTS:
        schemas.update(part.COMPONENTS)
    result["paths"].update(lessy.cable_openapi.PATHS)
    return result


def without_slash(endpoints: list[tuple[Any, ...]], **_: Any) -> list[tuple[Any, ...]]:
    """A preprocessing hook: the trailing slash is optional, and is left out of the document."""
    return [(path.rstrip("/"), *others) for path, *others in endpoints]


class SchemaView(SpectacularJSONAPIView):
    """
    The same for everybody, and made once. The original makes it at every request, keeps translations for
    every language that a client makes up, and sends a version back in a header.
    """

    http_method_names = ("get", "head")

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        return HttpResponse(_schema(), content_type=OpenApiJsonRenderer.media_type)


@cache
def _schema() -> bytes:
    found = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return bytes(OpenApiJsonRenderer().render(found, renderer_context={}))

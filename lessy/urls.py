from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from django.views.decorators.http import require_safe
from drf_spectacular.views import SpectacularSwaggerSplitView

from lessy.accounts.views import RootView
from lessy.api.views import missing_endpoint
from lessy.openapi import SchemaView
from lessy.what_if import FaultView, WhatIfView
from notifications.operations.health import live, ready
from notifications.operations.prometheus import metrics_view
from notifications.views import changes


def no_socket(request: HttpRequest) -> HttpResponse:
    return HttpResponse(
        "This endpoint only accepts WebSocket connections.\n", status=404, content_type="text/plain"
    )


handler400 = "lessy.api.views.bad_request"
handler403 = "lessy.api.views.permission_denied"
handler404 = "lessy.api.views.not_found"
handler500 = "lessy.api.views.server_error"

urlpatterns = [
    re_path(r"^api/?$", RootView.as_view()),
    path("api/", include("lessy.accounts.urls")),
    path("api/", include("projects.urls")),
    path("api/", include("tasks.urls")),
    re_path(r"^api/schema/?$", SchemaView.as_view(), name="schema"),
    re_path(r"^docs/?$", require_safe(SpectacularSwaggerSplitView.as_view())),
    re_path(r"^api(?:/|$)", missing_endpoint),
    re_path(r"^cable/?$", no_socket),
    # /cable/events is served before URL routing: see asgi.py.
    path("cable/changes", changes),
    path("admin/", admin.site.urls),
    path("health/live", live),
    path("health/ready", ready),
    path("metrics", metrics_view),
]
if settings.DEBUG:
    urlpatterns += [
        path("what-if", WhatIfView.as_view()),
        path("what-if/<str:fault>", FaultView.as_view()),
    ]
# The pages: of the built client (LESSY_CLIENT_DIR), or else of lessy.web.
urlpatterns += [path("", include("lessy.client" if settings.LESSY_CLIENT_DIR else "lessy.web.urls"))]

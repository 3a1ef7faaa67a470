from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerView

from lessy.accounts.views import RootView
from lessy.api.views import missing_endpoint
from lessy.health import live, ready
from notifications.prometheus import metrics_view


def no_socket(request: HttpRequest) -> HttpResponse:
    return HttpResponse("Here answers a websocket only.\n", status=404, content_type="text/plain")


handler400 = "lessy.api.views.bad_request"
handler403 = "lessy.api.views.permission_denied"
handler404 = "lessy.api.views.not_found"
handler500 = "lessy.api.views.server_error"

urlpatterns = [
    re_path(r"^api/?$", RootView.as_view()),
    path("api/", include("lessy.accounts.urls")),
    path("api/", include("projects.urls")),
    path("api/", include("tasks.urls")),
    re_path(r"^api/schema/?$", SpectacularJSONAPIView.as_view(), name="schema"),
    re_path(r"^docs/?$", SpectacularSwaggerView.as_view()),
    re_path(r"^api(?:/|$)", missing_endpoint),
    re_path(r"^cable/?$", no_socket),
    path("admin/", admin.site.urls),
    path("health/live", live),
    path("health/ready", ready),
    path("metrics", metrics_view),
]
# The pages: of the client that is built in, or else of the project itself.
urlpatterns += [path("", include("lessy.client" if settings.LESSY_CLIENT_DIR else "lessy.web.urls"))]

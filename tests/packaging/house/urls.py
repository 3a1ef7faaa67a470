from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(request.user))


urlpatterns = [path("who", who)]
if apps.is_installed("notifications"):
    # Of django-notifications-hq, or of the project's own app of that name.
    urlpatterns += [path("inbox/", include("notifications.urls", namespace="notifications"))]

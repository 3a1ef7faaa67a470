"""All URLs of Lessy, and GET /state.json?user=…: the version of each of the user's tasks."""

from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from tasks.models import Task


def state(request: HttpRequest) -> JsonResponse:
    """A version is updated_at in whole seconds, as in notifications; 0: created and never changed."""
    tasks = Task.objects.filter(user_id=request.GET["user"])
    rows = tasks.values_list("pk", "created_at", "updated_at")
    versions = {pk: 0 if changed == made else int(changed.timestamp()) for pk, made, changed in rows}
    return JsonResponse({"tasks": list(versions.items())})


urlpatterns = [path("state.json", state), path("", include("lessy.urls"))]

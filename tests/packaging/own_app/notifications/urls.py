from django.http import HttpRequest, JsonResponse
from django.urls import path

from notifications.models import Notice

app_name = "notifications"


def unread_count(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"unread_count": Notice.objects.filter(reader=request.user.pk).count()})


urlpatterns = [path("api/unread_count/", unread_count)]

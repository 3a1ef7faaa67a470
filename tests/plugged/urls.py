from django.contrib.auth import authenticate, login, logout
from django.http import HttpRequest, HttpResponse
from django.urls import path
from sync_cable.operations.health import live, ready


def sign_in(request: HttpRequest) -> HttpResponse:
    user = authenticate(request, username=request.GET["name"], password=request.GET["password"])
    login(request, user)
    return HttpResponse(status=204)


def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse(status=204)


urlpatterns = [
    path("in", sign_in),
    path("out", sign_out),
    path("health/live", live),
    path("health/ready", ready),
]

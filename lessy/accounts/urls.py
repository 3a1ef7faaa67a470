"""Relative to /api/."""

from django.urls import re_path

from lessy.accounts.views import AuthorizationsView, MeView

urlpatterns = [
    re_path(r"^users/authorizations/?$", AuthorizationsView.as_view()),
    re_path(r"^users/me/?$", MeView.as_view()),
]

"""Relative to /api/. The trailing slash is optional. There is no redirect, which would lose a body."""

from django.urls import re_path

from projects.views import ProjectCollectionView, ProjectMemberView, ProjectStateView

urlpatterns = [
    re_path(r"^users/me/projects/?$", ProjectCollectionView.as_view()),
    re_path(r"^projects/(?P<pk>[^/]+)/?$", ProjectMemberView.as_view()),
    re_path(r"^projects/(?P<pk>[^/]+)/state/?$", ProjectStateView.as_view()),
]

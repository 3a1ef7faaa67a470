"""Relative to /api/. The trailing slash is optional. There is no redirect, which would lose a body."""

from django.urls import re_path

from tasks.views import TaskCollectionView, TaskMemberView, TaskOrderView, TaskStateView

urlpatterns = [
    re_path(r"^users/me/tasks/?$", TaskCollectionView.as_view()),
    re_path(r"^tasks/(?P<pk>[^/]+)/?$", TaskMemberView.as_view()),
    re_path(r"^tasks/(?P<pk>[^/]+)/state/?$", TaskStateView.as_view()),
    re_path(r"^tasks/(?P<pk>[^/]+)/order/?$", TaskOrderView.as_view()),
]

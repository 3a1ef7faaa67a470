"""Relative to /api/. The trailing slash is optional. There is no redirect, which would lose a body."""

from django.urls import re_path

from lessy.accounts import views

urlpatterns = [
    re_path(r"^terms_of_services/current/?$", views.CurrentTermsView.as_view()),
    re_path(r"^users/?$", views.UserCollectionView.as_view()),
    re_path(r"^users/authorizations/?$", views.AuthorizationsView.as_view()),
    re_path(r"^users/activations/?$", views.ActivationsView.as_view()),
    re_path(r"^users/activation_emails/?$", views.ActivationEmailsView.as_view()),
    re_path(r"^users/password_resets/?$", views.PasswordResetsView.as_view()),
    re_path(r"^users/passwords/?$", views.PasswordsView.as_view()),
    re_path(r"^users/me/?$", views.MeView.as_view()),
    re_path(r"^users/me/terms_of_services/?$", views.AcceptedTermsView.as_view()),
    re_path(r"^users/me/features/?$", views.FeaturesView.as_view()),
]

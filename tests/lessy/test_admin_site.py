"""The admin as a whole: its name, and what is in it."""

from datetime import timedelta

import pytest
from django.contrib.staticfiles import finders
from django.urls import NoReverseMatch, reverse

from lessy.accounts import tokens
from lessy.accounts.models import AccessToken, User

INDEX = reverse("admin:index")


@pytest.fixture
def admin(db, client):
    client.force_login(User.objects.create_superuser("dale", "dale@example.com", "secret"))
    return client


def test_n4_the_admin_has_its_own_name_and_icon(admin, client):
    for path in (INDEX, reverse("admin:login")):
        page = client.get(path, follow=True).content.decode()
        assert "Django" not in page
        assert "Lessy" in page
        assert '<link rel="icon" type="image/svg+xml" href="/static/web/icon.svg">' in page
    assert finders.find("web/icon.svg")


def test_n4_of_waffle_only_what_is_read_is_in_the_admin(admin):
    page = admin.get(INDEX).content.decode()
    assert reverse("admin:waffle_flag_changelist") in page
    for unused in ("sample", "switch"):
        with pytest.raises(NoReverseMatch):
            reverse(f"admin:waffle_{unused}_changelist")


def test_n4_a_token_is_named_by_its_user_and_its_date(admin, alice, count_queries):
    def read():
        return admin.get(reverse("admin:accounts_accesstoken_changelist")).content.decode()

    tokens.issue(alice, lifetime=timedelta(hours=1))
    token = AccessToken.objects.get()
    assert str(token) == f"token of alice, {token.created_at:%-d %b %Y %H:%M} UTC"
    assert str(token) in read()
    few = count_queries(read)
    for _ in range(5):
        tokens.issue(alice, sudo=True, lifetime=timedelta(hours=1))
    assert count_queries(read) == few
    assert "sudo token of alice" in read()

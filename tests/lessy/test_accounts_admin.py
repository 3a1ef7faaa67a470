"""Users and tokens in the admin."""

from datetime import timedelta

import pytest
from django.urls import reverse

from lessy.accounts import tokens
from lessy.accounts.models import AccessToken, User

HOUR = timedelta(hours=1)
TOKENS = reverse("admin:accounts_accesstoken_changelist")
USERS = reverse("admin:accounts_user_changelist")


@pytest.fixture
def admin(db, client):
    user = User.objects.create_superuser("dale", "dale@example.com", "secret")
    client.force_login(user)
    return client


def new_token(user, **options):
    return tokens.issue(user, lifetime=HOUR, **options)


def test_tokens_are_listed_searched_and_filtered(admin, alice, bob):
    new_token(alice)
    new_token(bob)
    assert b"2 access tokens" in admin.get(TOKENS).content
    assert b"1 access token" in admin.get(f"{TOKENS}?q=alice").content
    tokens.revoke_all(bob)
    assert b"1 access token" in admin.get(f"{TOKENS}?state=revoked").content
    assert b"1 access token" in admin.get(f"{TOKENS}?state=valid").content
    assert b"0 access tokens" in admin.get(f"{TOKENS}?state=expired").content


def test_a_token_is_shown_nowhere(admin, alice):
    token = new_token(alice)
    row = AccessToken.objects.get()
    for path in (TOKENS, reverse("admin:accounts_accesstoken_change", args=[row.pk]), USERS):
        page = admin.get(path).content.decode()
        assert token not in page
        assert row.key not in page


def test_tokens_are_revoked_in_bulk(admin, alice, bob):
    texts = [new_token(alice), new_token(alice), new_token(bob)]
    rows = list(AccessToken.objects.filter(user=alice).values_list("pk", flat=True))
    admin.post(TOKENS, {"action": "revoke", "_selected_action": rows})
    assert [tokens.verify(text) is not None for text in texts] == [False, False, True]


def test_a_token_is_revoked_on_its_page(admin, alice):
    text = new_token(alice)
    path = reverse("admin:accounts_accesstoken_change", args=[AccessToken.objects.get().pk])
    assert b"_revoke" in admin.get(path).content
    admin.post(path, {"_revoke": "Revoke"})
    assert tokens.verify(text) is None
    assert b"_revoke" not in admin.get(path).content


def test_tokens_are_not_made_in_the_admin(admin):
    assert admin.get(reverse("admin:accounts_accesstoken_add")).status_code == 403


def test_users_are_listed_and_searched(admin, alice, bob):
    assert b"3 users" in admin.get(USERS).content
    assert b"1 user" in admin.get(f"{USERS}?q=bob@").content


def test_a_user_is_made_and_changed(admin):
    fields = {"username": "laura", "email": "l@example.com", "usable_password": "true"}
    admin.post(
        reverse("admin:accounts_user_add"), fields | {"password1": "s3crets!", "password2": "s3crets!"}
    )
    laura = User.objects.get(username="laura")
    assert laura.check_password("s3crets!")
    assert admin.get(reverse("admin:accounts_user_change", args=[laura.pk])).status_code == 200


def test_deactivation_in_the_admin_revokes(admin, alice):
    text = new_token(alice)
    fields = {"username": "alice", "email": alice.email, "time_zone": "UTC"}
    admin.post(reverse("admin:accounts_user_change", args=[alice.pk]), fields)
    alice.refresh_from_db()
    assert not alice.is_active
    assert tokens.verify(text) is None


def test_clients_are_disconnected_from_the_list_of_users(admin, alice, monkeypatch):
    heard = []
    monkeypatch.setattr("notifications.disconnect", lambda pk, **options: heard.append((pk, options)))
    admin.post(USERS, {"action": "disconnect_clients", "_selected_action": [alice.pk]})
    assert heard == [(alice.pk, {"reconnect": True})]

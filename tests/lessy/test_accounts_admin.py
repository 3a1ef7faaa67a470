"""Users and tokens in the admin."""

from datetime import timedelta

import pytest
from django.contrib.messages import ERROR, get_messages
from django.urls import reverse
from waffle.models import Flag

from lessy.accounts import tokens
from lessy.accounts.models import AccessToken, TermsOfService, User

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


@pytest.mark.parametrize("username", ["Laura", "laura1", "users", "l" * 26, "alice"])
def test_a_name_keeps_the_rules_in_forms_too(admin, alice, bob, username):
    fields = {"username": username, "email": "l@example.com", "usable_password": "true", "time_zone": "UTC"}
    passwords = {"password1": "s3crets!", "password2": "s3crets!"}
    assert admin.post(reverse("admin:accounts_user_add"), fields | passwords).status_code == 200
    assert admin.post(reverse("admin:accounts_user_change", args=[bob.pk]), fields).status_code == 200
    assert sorted(User.objects.values_list("username", flat=True)) == ["alice", "bob", "dale"]


@pytest.mark.parametrize("fields", [{"email": "x"}, {"email": "ALICE@example.com"}, {"time_zone": "Mars"}])
def test_address_and_zone_keep_their_rules_in_forms_too(admin, alice, bob, fields):
    good = {"username": "bob", "email": bob.email, "time_zone": "UTC", "is_active": "on"}
    path = reverse("admin:accounts_user_change", args=[bob.pk])
    assert admin.post(path, good | fields).status_code == 200
    assert admin.post(path, good | {"time_zone": "Asia/Calcutta"}).status_code == 302
    bob.refresh_from_db()
    assert (bob.email, bob.time_zone) == ("bob@example.com", "Asia/Calcutta")


def test_a_pending_user_without_a_name_is_changed(admin, pending):
    path = reverse("admin:accounts_user_change", args=[pending.pk])
    fields = {"username": "", "email": "new@example.com", "time_zone": "UTC", "is_active": "on"}
    assert admin.post(path, fields).status_code == 302
    pending.refresh_from_db()
    assert (pending.username, pending.email) == (None, "new@example.com")


def test_terms_are_written_in_the_admin_and_have_versions_of_their_own(admin, nobody):
    path = reverse("admin:accounts_termsofservice_add")
    fields = {"content": "<p>Be nice.</p>", "effective_at_0": "2018-01-01", "effective_at_1": "00:00:00"}
    assert admin.post(path, fields | {"version": "v1"}).status_code == 302
    assert admin.post(path, fields | {"version": "V1"}).status_code == 200
    assert admin.post(path, {"version": "v2"}).status_code == 200
    assert nobody.get("terms_of_services/current").data["attributes"]["version"] == "v1"
    assert TermsOfService.objects.count() == 1


def test_a_flag_switched_in_the_admin_holds_at_once(admin, nobody):
    flag, _ = Flag.objects.update_or_create(name="feature_registration", defaults={"everyone": True})
    assert nobody.get("").body["registrationDisabled"] is False
    path = reverse("admin:waffle_flag_change", args=[flag.pk])
    days = {"created_0": "2026-01-01", "modified_0": "2026-01-01"}
    times = {"created_1": "00:00:00", "modified_1": "00:00:00"}
    fields = {"name": flag.name, "everyone": "false", **days, **times}
    assert admin.post(path, fields).status_code == 302
    assert nobody.get("").body["registrationDisabled"] is True


def test_deactivation_in_the_admin_revokes(admin, alice):
    text = new_token(alice)
    fields = {"username": "alice", "email": alice.email, "time_zone": "UTC"}
    admin.post(reverse("admin:accounts_user_change", args=[alice.pk]), fields)
    alice.refresh_from_db()
    assert not alice.is_active
    assert tokens.verify(text) is None


def test_b1_the_list_of_users_says_when_no_client_could_be_disconnected(admin, alice):
    """No server runs here. What it says where one does: tests/end_to_end/test_orders.py."""
    chosen = {"action": "disconnect_clients", "_selected_action": [alice.pk]}
    [message] = get_messages(admin.post(USERS, chosen).wsgi_request)
    assert message.level == ERROR
    assert "the in-memory layer reaches no other process" in message.message

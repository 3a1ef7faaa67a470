"""Users and tokens in the admin."""

from datetime import timedelta

import pytest
from django.contrib.admin import ModelAdmin
from django.contrib.auth import hashers
from django.contrib.messages import ERROR, get_messages
from django.urls import reverse

from lessy.accounts import mail_tokens, tokens
from lessy.accounts.models import AccessToken, TermsOfService, User
from tests.api import Api
from tests.fixtures import mail_reset

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


PASSWORDS = {"password1": "s3crets!", "password2": "s3crets!", "usable_password": "true"}
NO_PASSWORD = {"usable_password": "false", "unset-password": "Disable"}


def password_of(user):
    return reverse("admin:auth_user_password_change", args=[user.pk])


@pytest.mark.parametrize("fields", [PASSWORDS, NO_PASSWORD])
def test_a_password_set_in_the_admin_ends_tokens_and_links(admin, alice, fields):
    text, link = new_token(alice), mail_reset(alice)
    assert admin.post(password_of(alice), fields).status_code == 302
    alice.refresh_from_db()
    assert alice.check_password("s3crets!") is (fields is PASSWORDS)
    assert alice.has_usable_password() is (fields is PASSWORDS)
    assert tokens.verify(text) is None
    assert Api().post("users/passwords", {"token": link, "user": {"password": "new"}}).status == 404


def test_who_sets_their_own_password_in_the_admin_stays_there(admin):
    dale = User.objects.get()
    assert admin.post(password_of(dale), PASSWORDS).status_code == 302
    assert admin.get(USERS).status_code == 200


def test_a_password_is_set_in_the_admin_of_who_may_not_sign_in(admin, alice):
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert admin.post(password_of(alice), PASSWORDS).status_code == 302
    assert User.objects.get(pk=alice.pk).check_password("s3crets!")


@pytest.fixture
def while_hashing(monkeypatch):
    """while_hashing(act): what another does while a password is hashed."""
    hasher = type(hashers.get_hasher())
    encode = hasher.encode

    def arrange(act):
        def act_and_encode(self, *args, **options):
            act()
            return encode(self, *args, **options)

        monkeypatch.setattr(hasher, "encode", act_and_encode)

    return arrange


def test_what_a_user_changes_while_a_password_is_hashed_stays(admin, alice, while_hashing):
    row = User.objects.filter(pk=alice.pk)
    while_hashing(lambda: row.update(email="new@example.com", username="palmer"))
    assert admin.post(password_of(alice), PASSWORDS).status_code == 302
    found = row.get()
    assert (found.email, found.username) == ("new@example.com", "palmer")


def test_a_user_who_is_deleted_while_a_password_is_hashed_stays_deleted(admin, alice, while_hashing):
    while_hashing(User.objects.filter(pk=alice.pk).delete)
    assert admin.post(password_of(alice), PASSWORDS).status_code == 404
    assert not User.objects.filter(pk=alice.pk).exists()


def meanwhile(monkeypatch, act):
    """Another acts once the admin has read a user, before it has the lock."""
    read = ModelAdmin.get_object

    def read_and_act(*args, **options):
        found = read(*args, **options)
        act()
        return found

    monkeypatch.setattr(ModelAdmin, "get_object", read_and_act)


def test_what_is_committed_before_the_lock_is_not_reverted_by_the_form(admin, alice, monkeypatch):
    meanwhile(monkeypatch, lambda: mail_reset(User.objects.get(pk=alice.pk)))
    fields = {"username": "alice", "email": alice.email, "time_zone": "Europe/Paris", "is_active": "on"}
    assert admin.post(reverse("admin:accounts_user_change", args=[alice.pk]), fields).status_code == 302
    alice.refresh_from_db()
    assert alice.time_zone == "Europe/Paris"
    assert mail_tokens.may_reset(alice)


def test_who_was_deleted_before_the_lock_is_not_made_again_by_the_form(admin, alice, monkeypatch):
    meanwhile(monkeypatch, User.objects.filter(pk=alice.pk).delete)
    fields = {"username": "alice", "email": alice.email, "time_zone": "UTC", "is_active": "on"}
    assert admin.post(reverse("admin:accounts_user_change", args=[alice.pk]), fields).status_code == 302
    assert not User.objects.filter(pk=alice.pk).exists()


def test_terms_are_written_in_the_admin_and_have_versions_of_their_own(admin, nobody):
    path = reverse("admin:accounts_termsofservice_add")
    fields = {"content": "<p>Be nice.</p>", "effective_at_0": "2018-01-01", "effective_at_1": "00:00:00"}
    assert admin.post(path, fields | {"version": "v1"}).status_code == 302
    assert admin.post(path, fields | {"version": "V1"}).status_code == 200
    assert admin.post(path, {"version": "v2"}).status_code == 200
    assert nobody.get("terms_of_services/current").data["attributes"]["version"] == "v1"
    assert TermsOfService.objects.count() == 1


def test_a_flag_switched_in_the_admin_holds_at_once(admin, nobody, registration):
    assert nobody.get("").body["registrationDisabled"] is False
    path = reverse("admin:waffle_flag_change", args=[registration.pk])
    days = {"created_0": "2026-01-01", "modified_0": "2026-01-01"}
    times = {"created_1": "00:00:00", "modified_1": "00:00:00"}
    fields = {"name": registration.name, "everyone": "false", **days, **times}
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

"""Logging in and out, and who I am."""

from datetime import timedelta

import pytest
from django.utils import timezone

from lessy.accounts import tokens
from lessy.accounts.models import AccessToken
from tests.api import Api

PATH = "users/authorizations"
FAILED = (401, [("login_failed", None)])


def log_in(api, username="alice", password="secret", **more):
    return api.post(PATH, {"username": username, "password": password, **more})


@pytest.mark.parametrize("name", ["alice", "alice@example.com"])
def test_a_user_logs_in_by_name_or_address_for_a_month(alice, nobody, name):
    answer = log_in(nobody, name)
    assert answer.status == 200
    assert answer.data["attributes"]["username"] == "alice"
    row = tokens.verify(answer.body["meta"]["token"])
    assert row.user == alice
    assert not row.sudo
    assert timedelta(days=27) < row.expires_at - timezone.now() < timedelta(days=32)


def test_sudo_lasts_a_quarter_of_an_hour(alice, nobody):
    row = tokens.verify(log_in(nobody, sudo=True).body["meta"]["token"])
    assert row.sudo
    assert row.expires_at - timezone.now() <= timedelta(minutes=15)


@pytest.mark.parametrize(
    ("sudo", "given"),
    [
        (0, True),
        (0.0, True),
        ("", True),
        ("false", True),
        (1, True),
        (False, False),
        (None, False),
        ([], False),
    ],
)
def test_c8_sudo_is_whatever_is_neither_false_nor_null(alice, nobody, sudo, given):
    assert tokens.verify(log_in(nobody, sudo=sudo).body["meta"]["token"]).sudo == given


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "wrong"),
        ("nobody", "secret"),
        ("ALICE", "secret"),
        ("", ""),
        (None, None),
        ({}, []),
        (1, True),
    ],
)
def test_wrong_credentials_fail_alike(alice, nobody, username, password):
    assert log_in(nobody, username, password).refused == FAILED


@pytest.mark.parametrize("change", [{"activated_at": None}, {"is_active": False}])
def test_who_is_not_activated_or_deactivated_does_not_log_in(alice, nobody, change):
    type(alice).objects.update(**change)
    assert log_in(nobody).refused == FAILED


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"a":' * 2_000, b"5"])
def test_a_body_that_is_no_object_is_refused_in_the_error_format(nobody, body):
    answer = nobody.post(PATH, body)
    assert 400 <= answer.status < 500
    assert set(answer.body) == {"errors"}


def test_signing_out_ends_the_token_that_asks(alice, alice_api):
    other = Api(alice)
    assert alice_api.delete(PATH).status == 204
    assert alice_api.get("users/me").status == 401
    assert other.get("users/me").status == 200


def test_signing_out_everywhere_ends_all(alice, bob, alice_api):
    other = Api(alice)
    bobs = Api(bob)
    assert alice_api.delete(f"{PATH}?all=true").status == 204
    assert other.get("users/me").status == 401
    assert bobs.get("users/me").status == 200


def test_i_am_who_the_token_says(alice, alice_api):
    assert alice_api.get("users/me").data == {
        "id": alice.pk,
        "type": "user",
        "attributes": {
            "username": "alice",
            "email": "alice@example.com",
            "admin": False,
            "timeZone": "UTC",
            "hasAcceptedTos": True,
        },
    }


@pytest.mark.parametrize("scheme", ["", "Bearer ", "Token ", "bearer "])
def test_the_token_may_have_a_scheme_before_it(alice, nobody, scheme):
    token = tokens.issue(alice, lifetime=timedelta(hours=1))
    nobody.headers["Authorization"] = f"{scheme}{token}"
    assert nobody.get("users/me").status == 200


@pytest.mark.parametrize("header", ["", "garbage", "Bearer", "Bearer  "])
def test_without_a_valid_token_i_am_nobody(nobody, header):
    nobody.headers["Authorization"] = header
    assert nobody.get("users/me").refused == (401, [("unauthorized", None)])


def test_a_failed_log_in_makes_no_token(alice, nobody):
    log_in(nobody, "alice", "wrong")
    assert not AccessToken.objects.exists()

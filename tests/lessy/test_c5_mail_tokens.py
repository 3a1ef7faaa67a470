"""The links of mails: good for a while, once, for the address they went to; stored and logged nowhere."""

import logging
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django.views.debug import get_exception_reporter_class

from lessy.accounts import mail_tokens, tokens
from lessy.accounts.models import User
from lessy.ground.logs import JSON, READABLE
from lessy.ground.masking import HIDDEN, without_secrets
from tests.api import Api
from tests.fixtures import mail_activation, mail_reset

NOT_FOUND = (404, [("record_not_found", "/user")])
SECOND = timedelta(seconds=1)


def reset(token):
    return Api().post("users/passwords", {"token": token, "user": {"password": "new"}})


def activate(token):
    user = {"username": "laura", "password": "new"}
    return Api().post("users/activations", {"token": token, "user": user})


def mailed_ago(user, age, purpose):
    """The token of a mail of that age."""
    renew = {"reset": mail_tokens.renew_reset, "activation": mail_tokens.renew_activation}[purpose]
    renew(user, timezone.now() - age)
    user.save()
    return getattr(mail_tokens, f"{purpose}_token")(user)


def test_c5_a_reset_expires(alice, settings):
    life = timedelta(hours=settings.LESSY_RESET_HOURS)
    assert reset(mailed_ago(alice, life + SECOND, "reset")).refused == NOT_FOUND
    assert reset(mailed_ago(alice, life - 60 * SECOND, "reset")).status == 200


def test_c5_an_activation_expires_and_can_be_asked_for_again(pending, posted, settings):
    life = timedelta(days=settings.LESSY_ACTIVATION_DAYS)
    old = mailed_ago(pending, life + SECOND, "activation")
    assert activate(old).refused == NOT_FOUND
    with posted() as mails:
        assert Api().post("users/activation_emails", {"user": {"email": pending.email}}).status == 204
    assert old not in mails[0].body
    pending.refresh_from_db()
    assert mail_tokens.activation_token(pending) in mails[0].body
    assert activate(old).refused == NOT_FOUND
    assert activate(mail_tokens.activation_token(pending)).status == 200


@pytest.mark.parametrize(("age", "same"), [(timedelta(days=3), True), (timedelta(days=4), False)])
def test_c5_the_link_that_is_sent_again_is_good_for_half_of_its_life_at_least(pending, posted, age, same):
    token = mailed_ago(pending, age, "activation")
    with posted() as mails:
        Api().post("users/activation_emails", {"user": {"email": pending.email}})
    assert (token in mails[0].body) is same


def new_password(user):
    user.set_password("other")
    user.save()


def new_password_by_the_api(user):
    assert Api(user, sudo=True).post("users/passwords", {"user": {"password": "other"}}).status == 200


def new_address_by_the_api(user):
    assert Api(user).patch("users/me", {"email": "other@example.com"}).status == 200


def new_columns_without_a_model(user):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_user SET email = 'other@example.com' WHERE id = %s", [user.pk])


CHANGES = [
    *(new_password, new_password_by_the_api, new_address_by_the_api, new_columns_without_a_model),
    lambda user: User.objects.filter(pk=user.pk).update(email="other@example.com"),
    lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    lambda user: mail_reset(User.objects.get(pk=user.pk)),
    lambda user: user.delete(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_c5_any_change_of_password_or_address_makes_the_link_void(alice, change):
    token = mail_reset(alice)
    change(User.objects.get(pk=alice.pk))
    assert reset(token).refused == NOT_FOUND


def test_c5_a_link_to_an_address_that_was_corrected_activates_nothing(pending):
    token = mail_activation(pending)
    User.objects.filter(pk=pending.pk).update(email="laura.palmer@example.com")
    assert activate(token).refused == NOT_FOUND


def test_c5_what_is_not_a_change_of_them_leaves_the_link_good(alice):
    token = mail_reset(alice)
    Api(alice).patch("users/me", {"time_zone": "Europe/Paris"})
    assert reset(token).status == 200


def test_c5_another_secret_key_makes_it_void(alice, settings):
    token = mail_reset(alice)
    settings.SECRET_KEY = "another-secret-that-is-long-enough-for-an-hs256-signature"
    assert reset(token).refused == NOT_FOUND


def test_c5_the_database_holds_no_token(alice, pending):
    mailed = [mail_reset(alice), mail_activation(pending)]
    stored = str(list(User.objects.values()))
    assert not [token for token in mailed if token in stored]
    for user in User.objects.all():
        for digest in filter(None, (user.reset_token, user.activation_token)):
            assert reset(digest).refused == activate(digest).refused == NOT_FOUND


def test_c5_a_token_of_one_kind_is_none_of_the_other(alice, pending):
    assert activate(mail_reset(alice)).refused == NOT_FOUND
    assert reset(mail_activation(pending)).refused == NOT_FOUND


T = "Abcdefghij-klmnop_12"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"GET /password/{T}/new 200", f"GET /password/{HIDDEN}/new 200"),
        (f"Not Found: /users/{T}/activate", f"Not Found: /users/{HIDDEN}/activate"),
        ("/password/short/new", f"/password/{HIDDEN}/new"),
        (f"http://x/password/{T}", f"http://x/password/{HIDDEN}"),
        (f'"path": "/users/{T}"', f'"path": "/users/{HIDDEN}"'),
        (f"/password/{T}/new /users/{T}/activate", f"/password/{HIDDEN}/new /users/{HIDDEN}/activate"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJkYXRhIjp7fX0.c2ln", HIDDEN),
        *[
            (path, path)
            for path in ("/api/users/me", "/api/users/activation_emails", "/users/laura", "/password")
        ],
    ],
)
def test_c5_secrets_are_masked_and_nothing_else(text, shown):
    assert without_secrets(text) == shown


@pytest.mark.parametrize("formatter", [JSON, READABLE])
def test_c5_every_line_of_the_log_is_masked_in_both_formats(formatter):
    options = dict(formatter)
    made = options.pop("()")(**options)
    record = logging.makeLogRecord(
        {"msg": "at %s", "args": (f"/password/{T}/new",), "path": f"/users/{T}/activate"}
    )
    try:
        raise ValueError(f"/password/{T}/new")
    except ValueError as exc:
        record.exc_info = (ValueError, exc, exc.__traceback__)
    assert T not in made.format(record)


def test_c5_an_error_report_shows_no_secret_of_a_request_or_a_variable(rf, settings, alice):
    jwt = tokens.issue(alice, lifetime=timedelta(hours=1))

    def fail(token, body, **more):
        raise ValueError(f"cannot use {more['path']}")

    try:
        fail(T, {"user": {"password": "my-pass-phrase"}, "credential": jwt}, path=f"/password/{T}/new")
    except ValueError as exc:
        error = (ValueError, exc, exc.__traceback__)
    for settings.DEBUG in (True, False):
        request = rf.get(f"/password/{T}/new", headers={"Authorization": jwt})
        report = get_exception_reporter_class(request)(request, *error)
        for text in (report.get_traceback_html(), report.get_traceback_text()):
            assert "cannot use" in text
            shown = [
                line for line in text.splitlines() if T in line or jwt in line or "my-pass-phrase" in line
            ]
            # The source of this test itself, which the report quotes.
            assert [line for line in shown if "fail(T" not in line] == []

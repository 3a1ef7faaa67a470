"""POST /users/activations and /users/activation_emails."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from lessy.accounts import mail_tokens, services, tokens
from lessy.accounts.models import User
from lessy.api.errors import ApiError
from tests.api import Api
from tests.concurrency import together
from tests.fixtures import mail_activation
from tests.nonsense import NOT_JSON, NOT_OBJECTS, twisted

NOT_FOUND = (404, [("record_not_found", "/user")])


def mailed():
    """The token of Laura's mail, used or not."""
    return mail_tokens.activation_token(User.objects.get(email="laura@example.com"))


def activate(api, token=..., username="laura", password="secret"):
    token = mailed() if token is ... else token
    body = {"token": token, "user": {"username": username, "password": password}}
    return api.post("users/activations", body)


def resend(api, email):
    return api.post("users/activation_emails", {"user": {"email": email}})


def test_an_activation_gives_name_and_password_and_a_token_for_a_month(nobody, pending):
    answer = activate(nobody)
    assert answer.status == 200
    assert answer.data["attributes"]["username"] == "laura"
    row = tokens.verify(answer.body["meta"]["token"])
    assert row.user == pending
    assert timedelta(days=27) < row.expires_at - timezone.now() < timedelta(days=32)
    stored = User.objects.get()
    assert stored.check_password("secret")
    assert stored.activated_at
    assert stored.activation_token is None


def test_an_activation_is_confirmed_by_mail(nobody, pending, posted, settings):
    with posted() as mails:
        activate(nobody)
    assert mails[0].to == [pending.email]
    assert f"\n{settings.LESSY_ROOT_URL}\n" in mails[0].body


def test_an_activation_ends_the_token_of_the_registration(nobody, pending):
    registered = Api(pending)
    activate(nobody)
    assert registered.get("users/me").status == 401


def test_a_second_use_is_not_found(nobody, pending):
    activate(nobody)
    assert activate(nobody, username="lara").refused == NOT_FOUND
    assert User.objects.get().username == "laura"


@pytest.mark.parametrize("token", [None, "", " ", "wrong", 5, True, [], {}, [1]])
def test_an_unknown_token_is_not_found_before_the_parameters_are_judged(nobody, pending, token):
    assert activate(nobody, token).refused == NOT_FOUND
    assert nobody.post("users/activations", {"token": token}).refused == NOT_FOUND


def test_the_token_is_not_read_inside_the_user(nobody, pending):
    body = {"user": {"token": mailed(), "username": "laura", "password": "secret"}}
    assert nobody.post("users/activations", body).refused == NOT_FOUND


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({}, "/user"),
        ({"username": "laura", "password": "secret"}, "/user"),
        ({"user": {}}, "/user"),
        ({"user": None}, "/user"),
        ({"user": "text"}, "/user"),
        ({"user": {"x": 1}}, "/user/username"),
        ({"user": {"password": "secret"}}, "/user/username"),
        ({"user": {"username": "laura"}}, "/user/password"),
        ({"user": {"username": "laura", "password": " "}}, "/user/password"),
        ({"user": {"username": "laura", "password": {}}}, "/user/password"),
        ({"user": {"username": "", "password": ""}}, "/user/username"),
    ],
)
def test_name_and_password_are_required(nobody, pending, more, pointer):
    answer = nobody.post("users/activations", {"token": mailed(), **more})
    assert answer.refused == (422, [("parameter_missing", pointer)])
    assert mail_tokens.may_activate(User.objects.get())


@pytest.mark.parametrize(
    ("username", "codes"),
    [
        ("Laura", ["invalid"]),
        ("laura1", ["invalid"]),
        ("laura palmer", ["invalid"]),
        ("laura\n", ["invalid"]),
        ("lauré", ["invalid"]),
        (5, ["invalid"]),
        ("l" * 26, ["too_long"]),
        ("L" * 26, ["invalid", "too_long"]),
        *[
            (name, ["exclusion"])
            for name in ("dashboard", "login", "register", "logout", "projects", "tasks", "users")
        ],
        ("alice", ["taken"]),
    ],
)
def test_a_name_has_rules(alice, nobody, pending, username, codes):
    answer = activate(nobody, username=username)
    assert answer.refused == (422, [(code, "/user/username") for code in codes])
    pending.refresh_from_db()
    assert pending.activated_at is None
    assert mail_tokens.may_activate(pending)


@pytest.mark.parametrize("username", ["l", "-", "_", "l" * 25, "laura-palmer_", "user"])
def test_a_name_within_the_rules_is_taken(nobody, pending, username):
    assert activate(nobody, username=username).status == 200


@pytest.mark.parametrize("password", ["x", "  y  ", "ß" * 500, 0, False])
def test_any_password_that_is_not_blank_is_one(nobody, pending, password):
    assert activate(nobody, password=password).status == 200


def test_who_may_not_sign_in_does_not_activate(nobody, pending):
    User.objects.update(is_active=False)
    assert activate(nobody).refused == NOT_FOUND


def test_a_pending_user_gets_the_same_link_again(nobody, pending, posted):
    with posted() as mails:
        answer = resend(nobody, pending.email)
    assert (answer.status, answer.body) == (204, None)
    assert f"/users/{mailed()}/activate\n" in mails[0].body


def test_an_active_user_gets_no_mail(nobody, alice, posted):
    with posted() as mails:
        assert resend(nobody, alice.email).status == 204
    assert mails == []


def test_a_pending_user_of_the_admin_gets_a_token(nobody, pending, posted):
    User.objects.update(activation_token=None)
    with posted() as mails:
        resend(nobody, pending.email)
    assert f"/users/{mailed()}/activate\n" in mails[0].body


@pytest.mark.parametrize("email", ["LAURA@example.com", "nobody@example.com", "laura", 5])
def test_an_address_is_looked_up_as_it_is(nobody, pending, email):
    assert resend(nobody, email).refused == NOT_FOUND


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/user"),
        ({"email": "laura@example.com"}, "/user"),
        ({"user": []}, "/user"),
        ({"user": {"x": 1}}, "/user/email"),
        ({"user": {"email": " "}}, "/user/email"),
    ],
)
def test_an_address_is_required(nobody, pending, body, pointer):
    answer = nobody.post("users/activation_emails", body)
    assert answer.refused == (422, [("parameter_missing", pointer)])


@pytest.mark.parametrize("path", ["users/activations", "users/activation_emails"])
def test_no_twisted_body_crashes_the_server(nobody, pending, path):
    for body in [*NOT_JSON, *NOT_OBJECTS]:
        assert nobody.post(path, body).status in (400, 404, 422)
    for body in twisted("user", ["email", "username", "password", "token"]):
        for more in ({}, {"token": mailed()}):
            assert nobody.post(path, body | more).status < 500


@pytest.mark.parametrize("path", ["users/activations", "users/activation_emails"])
@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_verbs_are_missing_endpoints(nobody, path, verb):
    assert nobody.call(verb, path).refused == (404, [("missing_endpoint", None)])


@pytest.mark.django_db(transaction=True)
def test_of_activations_at_once_one_succeeds(pending):
    users = [User.objects.get() for _ in range(6)]
    calls = [
        partial(services.activate, user=user, username=name, password="secret")
        for user, name in zip(users, "abcdef", strict=True)
    ]
    answers = together(calls)
    assert len([answer for answer in answers if isinstance(answer, ApiError)]) == 5


@pytest.mark.django_db(transaction=True)
def test_a_name_taken_at_once_is_taken_once():
    users = [User.objects.create(email=f"{n}@example.com") for n in range(6)]
    for user in users:
        mail_activation(user)
    answers = together(
        [partial(services.activate, user=user, username="laura", password="secret") for user in users]
    )
    assert len([answer for answer in answers if isinstance(answer, str)]) == 1
    assert {code for a in answers if not isinstance(a, str) for code in [a.elements[0]["code"]]} == {"taken"}

"""POST /users: a pending user, a mail, and a token for a day."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from lessy.accounts import mail_tokens, services, tokens
from lessy.accounts.models import TermsOfService, User
from lessy.api.errors import ValidationErrors
from tests.concurrency import together
from tests.nonsense import NOT_JSON, NOT_OBJECTS, twisted

pytestmark = pytest.mark.usefixtures("registration")

EMAIL = "laura@example.com"


def register(api, email=EMAIL):
    return api.post("users", {"user": {"email": email}})


def test_a_new_user_is_pending_and_has_neither_name_nor_password(nobody):
    answer = register(nobody)
    assert answer.status == 201
    user = User.objects.get()
    assert answer.data == {
        "id": user.pk,
        "type": "user",
        "attributes": {
            "username": None,
            "email": EMAIL,
            "admin": False,
            "timeZone": "UTC",
            "hasAcceptedTos": True,
        },
    }
    assert user.activated_at is None
    assert not user.has_usable_password()


def test_the_token_of_a_registration_lives_a_day(nobody):
    row = tokens.verify(register(nobody).body["meta"]["token"])
    assert row.user.email == EMAIL
    assert not row.sudo
    assert timedelta(hours=23) < row.expires_at - timezone.now() <= timedelta(days=1)


def test_the_mail_links_to_the_activation(nobody, posted, settings):
    with posted() as mails:
        register(nobody)
    [mail] = mails
    token = mail_tokens.activation_token(User.objects.get())
    assert f"{settings.LESSY_ROOT_URL}/users/{token}/activate\n" in mail.body
    assert mail.subject.startswith("[Lessy] ")
    assert (mail.from_email, mail.to) == ("noreply@127.0.0.1", [EMAIL])
    assert mail.content_subtype == "plain"
    assert len(token) == 20


def test_the_sender_is_of_the_services_domain(nobody, posted, settings):
    settings.LESSY_ROOT_URL = "https://lessy.example"
    settings.DEFAULT_FROM_EMAIL = "noreply@lessy.example"
    with posted() as mails:
        register(nobody)
    assert mails[0].from_email == "noreply@lessy.example"
    assert "https://lessy.example/users/" in mails[0].body


def test_a_mail_that_cannot_be_sent_does_not_fail_the_registration(nobody, posted, monkeypatch, caplog):
    monkeypatch.setattr("lessy.accounts.mails.send_mail", lambda *_: 1 / 0)
    with posted():
        assert register(nobody).status == 201
    assert "division by zero" in caplog.text


@pytest.mark.parametrize("body", [{"email": EMAIL}, {"user": {"email": EMAIL}}, {"Email": EMAIL, "x": 1}])
def test_the_body_may_be_wrapped_or_not(nobody, body):
    assert nobody.post("users/", body).status == 201


def test_nothing_but_the_address_is_taken(nobody):
    body = {"user": {"email": EMAIL, "username": "laura", "admin": True, "password": "secret"}}
    assert nobody.post("users", body).data["attributes"]["username"] is None
    assert not User.objects.get().is_staff


def test_the_terms_in_force_are_accepted_by_registering(nobody, unaccepted_terms):
    assert register(nobody).data["attributes"]["hasAcceptedTos"] is True
    assert User.objects.get().accepted_terms == unaccepted_terms


def test_terms_to_come_are_not_accepted_yet(nobody):
    later = timezone.now() + timedelta(days=1)
    TermsOfService.objects.create(version="3", content="x", effective_at=later)
    register(nobody)
    assert User.objects.get().accepted_terms is None


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/user"),
        ({"unknown": 1}, "/user"),
        ({"user": None}, "/user"),
        ({"user": "text"}, "/user"),
        ({"user": []}, "/user"),
        ({"user": {}}, "/user"),
        ({"user": {"username": "laura"}}, "/user/email"),
        ({"user": {"email": None}}, "/user/email"),
        ({"user": {"email": "  "}}, "/user/email"),
        ({"user": {"email": ["a@b"]}}, "/user/email"),
        ({"email": ""}, "/user/email"),
    ],
)
def test_an_address_is_required(nobody, body, pointer):
    assert nobody.post("users", body).refused == (422, [("parameter_missing", pointer)])
    assert not User.objects.exists()


@pytest.mark.parametrize("email", ["alice@example.com", "ALICE@Example.com"])
def test_an_address_is_taken_whatever_its_case(alice, nobody, email):
    assert register(nobody, email).refused == (422, [("taken", "/user/email")])


@pytest.mark.parametrize(
    "email",
    [
        *("laura", "@", "a@", "@b", "a@b@c", "a b@c", "a@b\nBcc: c@d", "a@b\r\nX: y", "a@b,c@d", "<a@b>"),
        *("a@b..c", f"a@{'b' * 64}.c", "a@b.c ", 5, True),
    ],
)
def test_what_no_mail_could_be_sent_to_is_no_address(nobody, email):
    assert register(nobody, email).refused == (422, [("invalid", "/user/email")])


@pytest.mark.parametrize(
    "email", ["a@b", "o'neil+tag@sub.example.com", "josé@example.com", "a@bücher.example", "%&@x", "..@x"]
)
def test_what_passes_as_an_address_can_be_mailed(nobody, posted, email):
    with posted() as mails:
        assert register(nobody, email).status == 201
    assert mails[0].message()["To"]


def test_an_address_of_any_length_is_judged(nobody):
    assert register(nobody, f"{'a' * 250}@b.example").refused == (422, [("too_long", "/user/email")])


@pytest.mark.parametrize("everyone", [False, None])
def test_a_closed_registration_refuses_before_it_reads(nobody, registration, everyone):
    registration.everyone = everyone
    registration.save()
    assert nobody.post("users", {}).refused == (403, [("registration_disabled", None)])
    assert nobody.get("").body == {"registrationDisabled": True}


def test_without_the_flag_registration_is_closed(nobody, registration):
    registration.delete()
    assert register(nobody).refused == (403, [("registration_disabled", None)])


def test_a_body_that_is_no_object_is_refused(nobody):
    for body in [*NOT_JSON, *NOT_OBJECTS]:
        assert nobody.post("users", body).status in (400, 422)
    assert not User.objects.exists()


def test_no_twisted_body_crashes_the_server(nobody):
    for body in twisted("user", ["email"]):
        assert nobody.post("users", body).status in (201, 400, 422)


@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_verbs_are_missing_endpoints(nobody, verb):
    assert nobody.call(verb, "users").refused == (404, [("missing_endpoint", None)])


@pytest.mark.django_db(transaction=True)
def test_of_registrations_at_once_with_one_address_one_succeeds(mailoutbox):
    answers = together([partial(services.register, email=EMAIL)] * 8)
    refused = [answer for answer in answers if isinstance(answer, ValidationErrors)]
    assert len(refused) == 7
    assert all(answer.elements[0]["code"] == "taken" for answer in refused)
    assert len(mailoutbox) == User.objects.count() == 1

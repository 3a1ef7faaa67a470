"""POST /users/password_resets, and the two doors of POST /users/passwords."""

from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth import hashers
from django.core.mail.backends import locmem
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.utils import timezone

from lessy.accounts import mail_tokens, services, tokens
from lessy.accounts.models import AccessToken, User
from lessy.accounts.signals import access_ended
from lessy.api.errors import ApiError
from tests.api import Api
from tests.concurrency import together
from tests.fixtures import mail_reset
from tests.nonsense import NOT_JSON, NOT_OBJECTS, twisted

NOT_FOUND = (404, [("record_not_found", "/user")])
INACTIVE = (403, [("user_inactive", "/user")])


@pytest.fixture
def forgetful(alice):
    """Alice, to whom a token was mailed."""
    alice.mailed = mail_reset(alice)
    return alice


def ask(api, email="alice@example.com"):
    return api.post("users/password_resets", {"user": {"email": email}})


def mailed():
    """The token of the last mail, if nothing has made it void."""
    return mail_tokens.reset_token(User.objects.get())


def reset(api, token, password="new"):
    return api.post("users/passwords", {"token": token, "user": {"password": password}})


def change(api, password="new", **more):
    return api.post("users/passwords", {"user": {"password": password}, **more})


# Asking for a mail


def test_a_reset_is_mailed(nobody, alice, posted, settings):
    with posted() as mails:
        answer = ask(nobody)
    assert (answer.status, answer.body) == (204, None)
    token = mailed()
    assert len(token) == 20
    assert f"{settings.LESSY_ROOT_URL}/password/{token}/new\n" in mails[0].body
    assert mails[0].to == [alice.email]
    assert mails[0].subject.startswith("[Lessy] ")


def test_within_five_minutes_nothing_more_is_mailed_and_the_token_stays(nobody, alice, posted):
    ask(nobody)
    token = mailed()
    with posted() as mails:
        assert ask(nobody).status == 204
    assert mails == []
    assert mailed() == token


def test_after_five_minutes_the_latest_token_wins(nobody, alice, posted):
    ask(nobody)
    token = mailed()
    User.objects.update(reset_sent_at=timezone.now() - timedelta(minutes=5, seconds=1))
    with posted() as mails:
        ask(nobody)
    assert len(mails) == 1
    assert reset(nobody, token).refused == NOT_FOUND
    assert reset(nobody, mailed()).status == 200


@pytest.fixture
def mail_server(monkeypatch):
    """mail_server.down says whether it is."""

    class Server(EmailBackend):
        down = True

        def send_messages(self, messages):
            if Server.down:
                raise ConnectionRefusedError("the mail server is down")
            return super().send_messages(messages)

    monkeypatch.setattr(locmem, "EmailBackend", Server)
    return Server


def test_a_reset_whose_mail_could_not_be_sent_is_sent_when_it_is_asked_for_again(
    nobody, alice, posted, mail_server
):
    with posted() as mails:
        assert ask(nobody).status == 204
    assert mails == []
    assert not mail_tokens.may_reset(User.objects.get())
    mail_server.down = False
    with posted() as mails:
        assert ask(nobody).status == 204
    assert len(mails) == 1
    assert reset(nobody, mailed()).status == 200


@pytest.mark.django_db(transaction=True)
def test_a_mail_that_fails_late_leaves_a_later_one_valid(alice, monkeypatch):
    def fail_late(*args):
        mail_reset(User.objects.get())
        raise TimeoutError

    monkeypatch.setattr("lessy.accounts.mails.send_mail", fail_late)
    services.request_reset(email=alice.email)
    assert mail_tokens.may_reset(User.objects.get())


def test_an_activation_whose_mail_could_not_be_sent_is_sent_when_it_is_asked_for_again(
    nobody, registration, posted, mail_server
):
    user = {"user": {"email": "laura@example.com"}}
    with posted() as mails:
        nobody.post("users", user)
    assert mails == []
    mail_server.down = False
    with posted() as mails:
        assert nobody.post("users/activation_emails", user).status == 204
    assert mail_tokens.activation_token(User.objects.get()) in mails[0].body


def test_who_is_pending_is_told_to_activate(nobody, pending, posted):
    with posted() as mails:
        assert ask(nobody, pending.email).refused == INACTIVE
    assert mails == []


@pytest.mark.parametrize("email", ["ALICE@example.com", "nobody@example.com", "alice", 5])
def test_an_address_is_looked_up_as_it_is(nobody, alice, email):
    assert ask(nobody, email).refused == NOT_FOUND


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/user"),
        ({"email": "alice@example.com"}, "/user"),
        ({"user": None}, "/user"),
        ({"user": {"x": 1}}, "/user/email"),
        ({"user": {"email": None}}, "/user/email"),
    ],
)
def test_an_address_is_required(nobody, alice, body, pointer):
    answer = nobody.post("users/password_resets", body)
    assert answer.refused == (422, [("parameter_missing", pointer)])


@pytest.mark.django_db(transaction=True)
def test_of_resets_asked_for_at_once_one_is_mailed(alice, mailoutbox):
    together([partial(services.request_reset, email=alice.email)] * 6)
    assert len(mailoutbox) == 1


# With the token of a mail


def test_a_mails_token_sets_the_password_and_signs_in_for_a_month(nobody, forgetful):
    answer = reset(nobody, forgetful.mailed)
    assert answer.status == 200
    assert answer.data["attributes"]["username"] == "alice"
    row = tokens.verify(answer.body["meta"]["token"])
    assert not row.sudo
    assert timedelta(days=27) < row.expires_at - timezone.now() < timedelta(days=32)
    stored = User.objects.get()
    assert stored.check_password("new")
    assert stored.reset_token is None


def test_a_mails_token_works_once(nobody, forgetful):
    reset(nobody, forgetful.mailed)
    assert reset(nobody, forgetful.mailed, password="newer").refused == NOT_FOUND
    assert User.objects.get().check_password("new")


def test_a_reset_revokes_every_token_that_was_there(nobody, forgetful):
    old = Api(forgetful)
    reset(nobody, forgetful.mailed)
    assert old.get("users/me").status == 401


@pytest.mark.parametrize("token", ["", " ", "wrong", 5, 0, False, True])
def test_an_unknown_token_is_not_found_before_the_parameter_is_judged(nobody, forgetful, token):
    assert reset(nobody, token).refused == NOT_FOUND
    assert nobody.post("users/passwords", {"token": token}).refused == NOT_FOUND
    assert User.objects.get().check_password("secret")


def test_who_asks_does_not_matter_with_a_mails_token(bob_api, forgetful, unaccepted_terms):
    assert reset(bob_api, forgetful.mailed).data["id"] == forgetful.pk


def test_a_pending_user_resets_nothing(nobody, pending):
    assert reset(nobody, mail_reset(pending)).refused == INACTIVE


def test_a_reset_requires_a_password(nobody, forgetful):
    for user, pointer in (
        (None, "/user"),
        ({"x": 1}, "/user/password"),
        ({"password": " "}, "/user/password"),
    ):
        answer = nobody.post("users/passwords", {"token": forgetful.mailed, "user": user})
        assert answer.refused == (422, [("parameter_missing", pointer)])
    assert mail_tokens.may_reset(User.objects.get())


@pytest.mark.django_db(transaction=True)
def test_of_resets_at_once_one_succeeds(forgetful):
    users = [User.objects.get() for _ in range(6)]
    answers = together([partial(services.reset_password, user=user, password="new") for user in users])
    assert len([answer for answer in answers if isinstance(answer, ApiError)]) == 5
    assert AccessToken.objects.valid().count() == 1


# With a sudo token


@pytest.mark.parametrize("more", [{}, {"token": None}, {"token": []}, {"token": {}}])
def test_sudo_changes_the_password_and_gets_no_new_token(alice, more):
    answer = change(Api(alice, sudo=True), **more)
    assert answer.status == 200
    assert set(answer.body) == {"data"}
    assert answer.data["attributes"]["email"] == alice.email
    assert User.objects.get().check_password("new")


def test_the_token_that_asks_stays_and_the_others_end(alice):
    asking, other = Api(alice, sudo=True), Api(alice)
    change(asking)
    assert asking.get("users/me").status == 200
    assert other.get("users/me").status == 401


def test_the_cable_hears_which_tokens_ended(alice, django_capture_on_commit_callbacks):
    asking, other = Api(alice, sudo=True), Api(alice)
    ended = tokens.decode(other.headers["Authorization"]).jti
    heard = []

    def hear(user_id, keys, **_):
        heard.append((user_id, keys))

    access_ended.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            change(asking)
    finally:
        access_ended.disconnect(hear)
    assert heard == [(alice.pk, [ended])]


def test_a_change_makes_a_mailed_token_useless(nobody, forgetful):
    change(Api(forgetful, sudo=True))
    assert reset(nobody, forgetful.mailed, password="newer").refused == NOT_FOUND


def test_nobody_changes_no_password(nobody, alice):
    assert change(nobody).refused == (401, [("unauthorized", None)])
    assert nobody.post("users/passwords", {}).refused == (401, [("unauthorized", None)])


def test_terms_come_before_sudo(alice_api, unaccepted_terms):
    assert change(alice_api).refused == (403, [("tos_not_accepted", None)])


def test_a_token_without_sudo_changes_no_password(alice_api):
    assert change(alice_api).refused == (403, [("sudo_required", None)])


def test_a_pending_user_has_no_password_to_change(pending):
    assert change(Api(pending, sudo=True)).refused == INACTIVE


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/user"), ({"password": "new"}, "/user"), ({"user": {"password": ""}}, "/user/password")],
)
def test_a_change_requires_a_password(alice, body, pointer):
    answer = Api(alice, sudo=True).post("users/passwords", body)
    assert answer.refused == (422, [("parameter_missing", pointer)])


# Both


@pytest.mark.parametrize("path", ["users/passwords", "users/password_resets"])
def test_no_twisted_body_crashes_the_server(nobody, forgetful, path):
    for body in [*NOT_JSON, *NOT_OBJECTS]:
        assert nobody.post(path, body).status in (400, 401, 422)
    for body in twisted("user", ["email", "password", "token"]):
        assert nobody.post(path, body).status < 500


@pytest.mark.parametrize("path", ["users/passwords", "users/password_resets"])
@pytest.mark.parametrize("verb", ["GET", "PUT", "PATCH", "DELETE"])
def test_other_verbs_are_missing_endpoints(nobody, path, verb):
    assert nobody.call(verb, path).refused == (404, [("missing_endpoint", None)])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("door", ["reset", "change", "activate", "log in"])
def test_c6_a_password_is_hashed_before_any_lock_is_taken(nobody, alice, pending, monkeypatch, door):
    token = mail_reset(alice)
    locked = []

    def watched(self, *args, **kwargs):
        locked.append(connection.in_atomic_block)
        return encode(self, *args, **kwargs)

    encode = hashers.MD5PasswordHasher.encode
    monkeypatch.setattr(hashers.MD5PasswordHasher, "encode", watched)
    new = {"user": {"username": "laura", "password": "new"}, "token": mail_tokens.activation_token(pending)}
    answers = {
        "reset": lambda: reset(nobody, token),
        "change": lambda: change(Api(alice, sudo=True)),
        "activate": lambda: nobody.post("users/activations", new),
        "log in": lambda: nobody.post("users/authorizations", {"username": "alice", "password": "secret"}),
    }
    assert answers[door]().status == 200
    assert locked == [False]


def test_c6_a_token_that_ended_while_the_password_was_hashed_changes_nothing(alice, monkeypatch):
    def slow(password):
        AccessToken.objects.all().revoke()
        return hashers.make_password(password)

    monkeypatch.setattr(services, "make_password", slow)
    assert change(Api(alice, sudo=True)).refused == (401, [("unauthorized", None)])
    assert User.objects.get().check_password("secret")


@pytest.mark.django_db(transaction=True)
def test_a_log_in_with_the_old_password_does_not_outlive_its_change(alice, monkeypatch):
    """The password is changed between the check and the issue of the token."""
    checked = User.check_password

    def slow(self, password):
        right = checked(self, password)
        services.change_password(user=User.objects.get(), password="new", keep=kept)
        return right

    tokens.issue(alice, lifetime=timedelta(hours=1))
    kept = AccessToken.objects.get()
    monkeypatch.setattr(User, "check_password", slow)
    with pytest.raises(ApiError):
        services.log_in(name="alice", password="secret", sudo=False)
    assert AccessToken.objects.count() == 1

"""Tokens: JWTs with a row each."""

import json
from datetime import timedelta

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from lessy.accounts import tokens
from lessy.accounts.models import AccessToken, User
from lessy.accounts.signals import access_ended
from tests.api import Api

HOUR = timedelta(hours=1)


@pytest.fixture
def ended():
    """What access_ended says: (user_id, keys)."""
    heard = []

    def hear(user_id, keys, **_):
        heard.append((user_id, keys))

    access_ended.connect(hear)
    yield heard
    access_ended.disconnect(hear)


def test_a_token_says_whose_it_is_and_how_long(alice, settings):
    text = tokens.issue(alice, sudo=True, lifetime=HOUR)
    payload = jwt.decode(text, settings.SECRET_KEY, algorithms=["HS256"])
    row = AccessToken.objects.get()
    assert payload["data"] == {"user_id": alice.pk, "sudo": True}
    assert payload["exp"] == int(row.expires_at.timestamp())
    assert payload["jti"] == row.key


def test_a_token_is_verified_by_its_row(alice):
    text = tokens.issue(alice, lifetime=HOUR)
    assert tokens.verify(text).user == alice
    AccessToken.objects.all().delete()
    assert tokens.verify(text) is None


def forged(settings, **changed):
    payload = {"data": {"user_id": 1, "sudo": False}, "exp": 4_000_000_000, "jti": "x"} | changed
    return jwt.encode(payload, settings.SECRET_KEY, algorithm="HS256")


def test_garbage_and_expired_tokens_are_refused_without_a_query(alice, settings, django_assert_num_queries):
    texts = [
        "",
        "garbage",
        "a.b.c",
        "x" * 100_000,
        tokens.issue(alice, lifetime=HOUR)[:-2],
        jwt.encode({"data": {"user_id": 1}, "exp": 4e9, "jti": "x"}, "another key" * 5, algorithm="HS256"),
        jwt.encode({"data": {"user_id": 1}, "exp": 4e9, "jti": "x"}, None, algorithm="none"),
        forged(settings, exp=1),
        forged(settings, data=None),
        forged(settings, data={"user_id": "x"}),
    ]
    with django_assert_num_queries(0):
        assert tokens.verify_many(texts) == [None] * len(texts)


def test_the_token_of_another_user_is_no_token(alice, bob, settings):
    tokens.issue(alice, lifetime=HOUR)
    stolen = forged(settings, data={"user_id": bob.pk, "sudo": False}, jti=AccessToken.objects.get().key)
    assert tokens.verify(stolen) is None


INFINITE = "\x00infinite"


@pytest.mark.parametrize(
    "odd",
    [
        *[
            {"data": {"user_id": value, "sudo": True}}
            for value in (INFINITE, 10**400, "x", None, [], {}, 1.5, True)
        ],
        *[{"data": value} for value in (None, [], 5, "x", {}, {"user_id": 1})],
        *[{"exp": value} for value in (INFINITE, 10**400, "x", None, [])],
        *[{"jti": value} for value in ("a\x00b", "\ud800", "x" * 4_000, "", 5, None, [], {})],
    ],
)
def test_c8_a_token_of_ours_with_odd_claims_is_no_token(alice, settings, odd):
    """Signed rightly, as by another service with the key. JSON has numbers that are infinite in Python."""
    good = jwt.decode(tokens.issue(alice, lifetime=HOUR), settings.SECRET_KEY, algorithms=["HS256"])
    claims = json.dumps({**good, **odd}).replace(json.dumps(INFINITE), "1e400").encode()
    text = jwt.api_jws.encode(claims, settings.SECRET_KEY, algorithm="HS256")
    api = Api()
    api.headers = {"Authorization": text}
    assert api.get("users/me").refused == (401, [("unauthorized", None)])
    assert api.get("").status == 200
    assert tokens.verify_many([text]) == [None]


@pytest.mark.parametrize("number", [1, 50])
def test_many_are_verified_in_one_query(alice, django_assert_num_queries, number):
    texts = [tokens.issue(alice, lifetime=HOUR) for _ in range(number)]
    tokens.verify_many(texts)  # notes their first use
    with django_assert_num_queries(1):
        assert all(tokens.verify_many(texts))


def change_password(user):
    user.set_password("other")
    user.save()


def deactivate(user):
    user.is_active = False
    user.save()


@pytest.mark.parametrize("end", [change_password, deactivate, tokens.revoke_all])
@pytest.mark.django_db(transaction=True)
def test_what_ends_the_right_revokes_and_says_so(end, ended):
    user = User.objects.create_user("alice", "alice@example.com", "secret")
    text = tokens.issue(user, lifetime=HOUR)
    key = AccessToken.objects.get().key
    end(user)
    assert tokens.verify(text) is None
    assert ended == [(user.pk, [key])]


@pytest.mark.django_db(transaction=True)
def test_a_deleted_user_has_no_right_even_if_deleted_in_bulk(ended):
    users = [User.objects.create_user(f"agent{n}", f"agent{n}@example.com", "secret") for n in range(2)]
    pks = [user.pk for user in users]
    User.objects.all().delete()
    assert sorted(ended) == [(pk, None) for pk in pks]


@pytest.mark.django_db(transaction=True)
def test_a_deleted_token_gives_no_right(ended):
    user = User.objects.create_user("alice", "alice@example.com", "secret")
    tokens.issue(user, lifetime=HOUR)
    key = AccessToken.objects.get().key
    AccessToken.objects.all().delete()
    assert ended == [(user.pk, [key])]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_ends_nothing(ended):
    user = User.objects.create_user("alice", "alice@example.com", "secret")
    text = tokens.issue(user, lifetime=HOUR)
    with transaction.atomic():
        tokens.revoke_all(user)
        transaction.set_rollback(True)
    assert tokens.verify(text) is not None
    assert ended == []


def test_the_command_prints_the_token_alone(alice, capsys):
    call_command("issue_token", "alice", "--sudo", "--lifetime", "2h")
    row = tokens.verify(capsys.readouterr().out.strip())
    assert row.user == alice
    assert row.sudo
    assert timedelta(minutes=119) < row.expires_at - row.created_at <= timedelta(hours=2)


@pytest.mark.parametrize("words", [["nobody"], ["alice", "--lifetime", "2"], ["alice", "--lifetime", "-1d"]])
def test_the_command_refuses_nonsense(alice, words):
    with pytest.raises(CommandError):
        call_command("issue_token", *words)

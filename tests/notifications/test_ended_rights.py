"""Sockets end with the right that let them in, without a line of the project's code."""

import pytest
from django.core.checks import run_checks
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token, TokenProxy

from lessy.accounts.models import User
from notifications.handshake.authentication import Handshake
from notifications.handshake.drf import TokenAuthenticator
from notifications.operations import ended_rights

pytestmark = pytest.mark.django_db(transaction=True)

SESSIONS = "notifications.handshake.authentication.SessionAuthenticator"
TOKENS = "notifications.handshake.drf.TokenAuthenticator"


class ApiTokens(TokenAuthenticator):
    keyword = "Bearer"
    cookie = "api"


@pytest.fixture
def ended(monkeypatch):
    """(user, keys) of each order to close sockets."""
    orders = []

    def note(user_id, *, keys):
        orders.append((user_id, keys))
        return {}

    monkeypatch.setattr(ended_rights, "publish_disconnect", note)
    return orders


def admit_by(settings, path):
    settings.CABLE = settings.CABLE | {"AUTHENTICATOR": path}


@pytest.fixture
def client(alice):
    found = Client()
    found.force_login(alice)
    return found


def test_a_sign_out_ends_the_sockets_of_its_session(settings, alice, client, ended):
    admit_by(settings, SESSIONS)
    key = client.session.session_key
    client.logout()
    assert ended == [(alice.pk, [key])]
    client.logout()
    assert len(ended) == 1


def test_sessions_that_let_nobody_in_end_nothing(client, ended):
    client.logout()
    assert ended == []


@pytest.mark.parametrize("model", [Token, TokenProxy])
def test_a_token_that_is_deleted_ends_its_sockets_once_that_is_committed(settings, alice, ended, model):
    admit_by(settings, TOKENS)
    token = Token.objects.create(user=alice)
    with transaction.atomic():
        model.objects.filter(pk=token.pk).delete()
        assert ended == []
    assert ended == [(alice.pk, [token.key])]


def test_a_deletion_that_is_rolled_back_ends_nothing(settings, alice, ended):
    admit_by(settings, TOKENS)
    Token.objects.create(user=alice)
    with transaction.atomic():
        Token.objects.all().delete()
        transaction.set_rollback(True)
    assert ended == []


def test_tokens_that_let_nobody_in_are_deleted_without_being_read(alice, ended):
    Token.objects.create(user=alice)
    with CaptureQueriesContext(connection) as queries:
        Token.objects.all().delete()
    assert not any(query["sql"].startswith("SELECT") for query in queries)
    assert ended == []


def test_an_order_that_fails_does_not_fail_the_sign_out(settings, client, monkeypatch, caplog):
    admit_by(settings, SESSIONS)
    monkeypatch.setattr(ended_rights, "publish_disconnect", lambda *_, **__: 1 / 0)
    client.logout()
    assert "the next reconcile will" in caplog.text


# The authenticator of tokens


def handshake(header="", cookie="", name="cable_token"):
    return Handshake(cookies={name: cookie}, headers={"authorization": header})


def test_tokens_are_looked_up_together(settings, alice, bob, django_assert_num_queries):
    mine, his = Token.objects.create(user=alice), Token.objects.create(user=bob)
    offered = [
        handshake(f"Token {mine.key}"),
        handshake(f"token  {mine.key}"),
        handshake(cookie=his.key),
        handshake(f"Token {'0' * 40}", his.key),
        handshake(f"Token {mine.key}", his.key),
        handshake(f"Bearer {mine.key}"),
        handshake(mine.key),
        handshake("Token " + "x" * 100_000),
        handshake("Token \0", "ü"),
        handshake(),
    ]
    with django_assert_num_queries(1):
        found = TokenAuthenticator().authenticate(offered)
    assert [each and each.user_id for each in found] == [
        *(alice.pk, alice.pk, bob.pk, bob.pk, alice.pk),
        *[None] * 5,
    ]


def test_a_token_admits_as_long_as_it_is_there_and_its_user_active(alice, bob):
    tokens = [Token.objects.create(user=user) for user in (alice, bob)]
    by_key = TokenAuthenticator()
    admissions = by_key.authenticate([handshake(f"Token {token.key}") for token in tokens])
    assert by_key.still_admitted(admissions) == [True, True]
    User.objects.filter(pk=alice.pk).update(is_active=False)
    tokens[1].delete()
    assert by_key.still_admitted(admissions) == [False, False]
    assert by_key.authenticate([handshake(f"Token {tokens[0].key}")]) == [None]


def test_a_project_may_name_its_own_keyword_and_cookie(alice):
    token = Token.objects.create(user=alice)
    offered = [handshake(f"Bearer {token.key}"), handshake(cookie=token.key, name="api")]
    assert all(ApiTokens().authenticate(offered))


def test_nobody_asks_when_nothing_is_offered(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert TokenAuthenticator().authenticate([handshake()]) == [None]


def test_tokens_that_are_not_installed_are_refused_by_the_checks(settings, monkeypatch):
    admit_by(settings, TOKENS)
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}}
    assert run_checks(tags=["sync_cable"]) == []
    monkeypatch.setattr(Token._meta, "abstract", True)
    [error] = run_checks(tags=["sync_cable"])
    assert (error.id, bool(error.hint)) == ("sync_cable.E017", True)

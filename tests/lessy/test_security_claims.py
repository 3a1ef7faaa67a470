"""
What docs/security.md claims of tokens, accounts and the API, where no other test does. Elsewhere: what ends
a right (end_to_end/test_rights.py, test_tokens.py), logs and error pages (end_to_end/test_secrets.py,
test_c5_mail_tokens.py), throttles (test_throttles.py), lengths (test_c1_lengths.py), threads
(test_c6_threads.py).
"""

from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import global_settings

import lessy.settings
from lessy.accounts import tokens
from lessy.accounts.models import User
from projects.models import Project
from tasks.models import Task
from tests.api import Api

ANONYMOUS = (401, [("unauthorized", None)])


def everything_stored() -> str:
    return str([list(model._default_manager.values()) for model in apps.get_models()])


def test_a_token_is_stored_nowhere_nor_a_part_that_would_do(alice):
    _, payload, signature = tokens.issue(alice, lifetime=timedelta(hours=1)).split(".")
    stored = everything_stored()
    assert "alice@example.com" in stored
    assert payload not in stored
    assert signature not in stored


def test_what_the_row_of_a_token_holds_makes_no_token(alice):
    text = tokens.issue(alice, lifetime=timedelta(hours=1))
    assert tokens.verify(text)
    assert tokens.verify(tokens.verify(text).key) is None


def test_a_new_secret_key_ends_every_token(alice, settings):
    api = Api(alice)
    assert api.get("users/me").status == 200
    settings.SECRET_KEY = "another-secret-that-is-long-enough-for-an-hs256-signature"
    assert api.get("users/me").refused == ANONYMOUS


@pytest.mark.parametrize("unsigned", ["none", "HS384"])
def test_a_token_signed_in_another_way_is_none(alice, settings, unsigned):
    good = tokens.issue(alice, lifetime=timedelta(hours=1))
    claims = tokens.jwt.decode(good, settings.SECRET_KEY, algorithms=["HS256"])
    key = None if unsigned == "none" else settings.SECRET_KEY
    assert tokens.verify(tokens.jwt.encode(claims, key, algorithm=unsigned)) is None


def test_of_the_api_only_the_header_is_a_credential(alice):
    token = Api(alice).headers["Authorization"]
    api = Api()
    api.client.cookies["Authorization"] = token
    for path in ("users/me", f"users/me?token={token}", f"users/me?Authorization={token}"):
        assert api.get(path).refused == ANONYMOUS
    body = {"label": "buy tea", "token": token, "authorization": token}
    assert api.post("users/me/tasks", body).refused == ANONYMOUS


def test_a_session_of_the_admin_is_no_credential_of_the_api(alice, client):
    client.force_login(alice)
    assert client.get("/api/users/me").status_code == 401


@pytest.mark.parametrize("verb", ["GET", "POST", "OPTIONS"])
def test_no_answer_permits_another_origin(alice, verb):
    headers = {
        **Api(alice).headers,
        "Origin": "https://evil.example",
        "Access-Control-Request-Method": "GET",
    }
    for path in ("/api", "/api/users/me", "/api/users/me/tasks", "/api/schema", "/docs"):
        answer = Api().client.generic(verb, path, headers=headers)
        assert [name for name in answer.headers if name.lower().startswith("access-control")] == []


def test_rows_of_others_are_as_those_that_are_not_there(alice, bob_api):
    project = Project.objects.create(user=alice, name="one")
    task = Task.objects.create(user=alice, label="two")
    for kind, pk in (("projects", project.pk), ("tasks", task.pk)):
        for verb, rest in (("GET", ""), ("PATCH", ""), ("PUT", "/state"), ("DELETE", "")):
            others = bob_api.call(verb, f"{kind}/{pk}{rest}", {"name": "x", "label": "x", "state": "x"})
            absent = bob_api.call(verb, f"{kind}/999999999{rest}", {"name": "x", "label": "x", "state": "x"})
            assert (others.status, others.body) == (404, absent.body)
    assert bob_api.get("users/me/tasks").data == bob_api.get("users/me/projects").data == []


def test_passwords_are_stored_hashed_and_by_djangos_first_choice(alice):
    Api(alice, sudo=True).post("users/passwords", {"user": {"password": "my-pass-phrase"}})
    assert "my-pass-phrase" not in everything_stored()
    assert User.objects.get().check_password("my-pass-phrase")
    # Only these tests have a faster one.
    assert not hasattr(lessy.settings, "PASSWORD_HASHERS")
    assert "PBKDF2" in global_settings.PASSWORD_HASHERS[0]

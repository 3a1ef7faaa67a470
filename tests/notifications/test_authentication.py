from importlib import import_module

import pytest
from django.contrib.sessions.backends import file
from django.contrib.sessions.models import Session
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from notifications.handshake.authentication import Handshake, SessionAuthenticator, parse_handshake


def cookies_of(header):
    return parse_handshake([(b"cookie", header.encode("latin-1"))]).cookies


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        ("Authorization=abc", {"Authorization": "abc"}),
        ("a=1; Authorization=abc;b=2", {"a": "1", "Authorization": "abc", "b": "2"}),
        ("Authorization=abc=def==", {"Authorization": "abc=def=="}),
        ('Authorization="abc"', {"Authorization": '"abc"'}),
        ("Authorization=abc; Authorization=other", {"Authorization": "abc"}),
        ("junk; =x; Authorization=abc", {"": "x", "Authorization": "abc"}),
        ("", {}),
    ],
)
def test_cookies_are_read_as_they_were_sent(header, cookies):
    assert cookies_of(header) == cookies


@given(st.binary())
def test_no_header_raises(value):
    parse_handshake([(b"cookie", value), (value, value)])


def test_credentials_never_show_in_a_representation():
    handshake = parse_handshake([(b"cookie", b"Authorization=topsecret"), (b"authorization", b"topsecret")])
    assert "topsecret" not in repr(handshake)


# Django's sessions: a handshake reads them, and the site alone writes them


@pytest.fixture(params=["db", "cached_db", "cache", "file", "signed_cookies"])
def cookie(request, settings, tmp_path, monkeypatch, alice):
    """Of alice, who signed in before the key is rotated."""
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{request.param}"
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    # The class keeps the path of the settings.
    monkeypatch.setattr(file.SessionStore, "_storage_path", str(tmp_path), raising=False)
    client = Client()
    client.force_login(alice)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def rotate(settings, *, fallbacks):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY] if fallbacks else []
    settings.SECRET_KEY = "the next one"


def stored(settings, cookie):
    return dict(import_module(settings.SESSION_ENGINE).SessionStore(cookie).items())


def asked(settings, cookie):
    return SessionAuthenticator().authenticate([Handshake({settings.SESSION_COOKIE_NAME: cookie}, {})])


@pytest.mark.django_db
def test_while_the_key_is_rotated_a_handshake_leaves_the_session_as_it_was(settings, alice, cookie):
    rotate(settings, fallbacks=True)
    before = stored(settings, cookie)
    admissions = asked(settings, cookie)
    assert [(each.user_id, each.key) for each in admissions] == [(alice.pk, cookie)]
    assert SessionAuthenticator().still_admitted(admissions) == [True]
    assert stored(settings, cookie) == before != {}
    assert Session.objects.count() <= 1


@pytest.mark.django_db
def test_the_session_of_an_older_password_admits_nobody_and_is_the_sites_to_end(settings, alice, cookie):
    before, admissions = stored(settings, cookie), asked(settings, cookie)
    alice.set_password("another")
    alice.save()
    assert asked(settings, cookie) == [None]
    assert SessionAuthenticator().still_admitted(admissions) == [False]
    assert stored(settings, cookie) == before != {}


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", ["file"], indirect=True)
def test_no_file_is_made_for_a_session_that_has_expired(settings, tmp_path, cookie):
    settings.SESSION_COOKIE_AGE = -1
    before = list(tmp_path.iterdir())
    assert asked(settings, cookie) == [None]
    assert list(tmp_path.iterdir()) == before != []

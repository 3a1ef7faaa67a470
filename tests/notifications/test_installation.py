"""What separates the groups of one installation from those of another on the same Redis."""

import os

import pytest
from channels.layers import BaseChannelLayer
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings

from notifications.broker import events
from notifications.broker.installation import database_name, identity, prefix
from notifications.checks import check_settings

KEY = "a-key"


def cable(settings, **given):
    return override_settings(CABLE={**settings.CABLE, **given})


def layer_on(*hosts):
    backend = "channels_redis.pubsub.RedisPubSubChannelLayer"
    return override_settings(
        CHANNEL_LAYERS={"default": {"BACKEND": backend, "CONFIG": {"hosts": list(hosts)}}}
    )


def test_a12_key_database_and_redis_database_each_make_another_installation():
    found = {
        identity(KEY, "lessy", [0]),
        identity("another", "lessy", [0]),
        identity(KEY, "staging", [0]),
        identity(KEY, "lessy", [1]),
    }
    assert len(found) == 4
    assert all(len(each) == 12 for each in found)


def test_a12_a_process_is_of_the_same_installation_however_it_writes_the_same_address():
    with layer_on("redis://a:6379/0"):
        by_url = prefix()
    for host in ("redis://a:6379", ("a", 6379), {"host": "a", "port": 6379, "db": 0}, "redis://b:1/"):
        with layer_on(host):
            assert prefix() == by_url
    with layer_on("redis://a:6379/1"):
        assert prefix() != by_url


def test_a12_a_file_is_one_database_by_whatever_path(tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    engine = "django.db.backends.sqlite3"
    names = ["x.sqlite3", tmp_path / "x.sqlite3", tmp_path / "link" / "x.sqlite3"]
    found = {database_name({"ENGINE": engine, "NAME": name}) for name in names}
    assert found == {os.path.realpath(tmp_path / "x.sqlite3")}
    assert database_name({"ENGINE": "django.db.backends.postgresql", "NAME": "lessy"}) == "lessy"
    assert database_name({"OPTIONS": {"service": "books"}}) == "books"


def test_a12_the_name_on_the_wire_has_no_prefix(settings):
    with cable(settings, PREFIX="ours"):
        assert events.stream_of_user(7) == "user.7"
        assert events.group_for_user(7) == "ours.user.7"
        assert events.pattern_of_all_users() == "ours.user.*"


@pytest.mark.parametrize("user", [2**63, "u" * 80, "ü" * 400, "a.b-c_d" * 11])
def test_a12_every_group_has_a_name_that_channels_admits(settings, user):
    with cable(settings, PREFIX="p" * 29):
        groups = [
            events.group_for_user(user),
            events.control_group(),
            events.canary_group("f" * 16, 99_999),
            events.answers_group("f" * 16),
        ]
    for group in groups:
        assert BaseChannelLayer().require_valid_group_name(group)


@pytest.mark.parametrize("wrong", ["two words", "p" * 30, "*", "ü", 7, "no.such.module", "os.sep", ["a"]])
def test_a12_what_cannot_be_a_prefix_is_refused_by_the_check(settings, wrong):
    with cable(settings, PREFIX=wrong):
        assert "sync_cable.E010" in {error.id for error in check_settings(None)}


def test_d4_a_callable_names_the_prefix_of_the_moment(settings):
    tenants = iter(["acme", "umbrella", "two words"])
    with cable(settings, PREFIX=lambda: next(tenants)):
        assert "sync_cable.E010" not in {error.id for error in check_settings(None)}
        assert events.group_for_user(1) == "acme.user.1"
        assert events.group_for_user(1) == "umbrella.user.1"
        with pytest.raises(ImproperlyConfigured, match="two words"):
            events.group_for_user(1)

"""What settings.CABLE gets wrong is said before the first socket opens."""

from importlib import metadata

import pytest
from django.core.checks import run_checks

RESOURCES = {"tasks": {"model": "tasks.Task", "owner": "user"}}
REDIS_LAYER = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}}


@pytest.fixture(autouse=True)
def redis_layer(settings):
    settings.CHANNEL_LAYERS = REDIS_LAYER


def found(settings, **cable):
    settings.CABLE = {"RESOURCES": RESOURCES} | cable
    return {message.id for message in run_checks(tags=["notifications"])}


def test_good_settings_are_silent(settings):
    assert found(settings, ALLOWED_ORIGINS=["https://lessy.example", "*"]) == set()


@pytest.mark.parametrize(
    ("cable", "check"),
    [
        ({"NOPE": 1}, "notifications.E001"),
        ({"RESOURCES": {"tasks": {"model": "tasks.Nope"}}}, "notifications.E001"),
        ({"RESOURCES": {"tasks": {"owner": "user"}}}, "notifications.E001"),
        ({"RESOURCES": {"tasks": {"model": "tasks.Task", "owner": "nobody"}}}, "notifications.E001"),
        ({"RESOURCES": {"tasks": {"model": "tasks.Task", "nope": "x"}}}, "notifications.E001"),
        ({"PING_INTERVAL": 0}, "notifications.E002"),
        ({"OVERLAP": "60"}, "notifications.E002"),
        ({"MAX_SUBSCRIPTIONS": True}, "notifications.E002"),
        ({"UPDATED_AT_UNIT": "h"}, "notifications.E003"),
        ({"ALLOWED_ORIGINS": ["lessy.example"]}, "notifications.E004"),
        ({"AUTHENTICATOR": "nope.Nope"}, "notifications.E005"),
        ({"AUTHENTICATOR": "notifications.origins.Origin"}, "notifications.E005"),
        ({"CHANNEL_LAYER": "nope"}, "notifications.E006"),
        ({"RESOURCES": {}}, "notifications.W001"),
    ],
)
def test_a_wrong_setting_is_named(settings, cable, check):
    assert found(settings, **cable) == {check}


@pytest.mark.parametrize(
    ("backend", "check"),
    [
        ("channels_redis.core.RedisChannelLayer", "notifications.E007"),
        ("channels.layers.InMemoryChannelLayer", "notifications.E008"),
    ],
)
def test_a_layer_that_loses_messages_is_refused(settings, backend, check):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend}}
    assert found(settings) == {check}


def test_the_in_memory_layer_is_for_development(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.DEBUG = True
    assert found(settings) == set()


@pytest.fixture
def install(monkeypatch):
    """install("redis", "4.5.5"); None for not at all."""
    real = metadata.version

    def pretend(name, version):
        def answer(asked):
            if asked != name:
                return real(asked)
            if version is None:
                raise metadata.PackageNotFoundError(name)
            return version

        monkeypatch.setattr(metadata, "version", answer)

    return pretend


@pytest.mark.parametrize(
    ("name", "version"),
    [("daphne", "4.2.1"), ("Django", "5.2.13"), ("Django", "5.1"), ("redis", "4.5.5")],
)
def test_a_version_below_the_floor_is_refused_by_name(settings, install, name, version):
    install(name, version)
    [error] = run_checks(tags=["notifications"])
    assert error.id == "notifications.E009"
    assert f"{name} {version}" in error.msg


@pytest.mark.parametrize(
    ("name", "version"), [("daphne", "4.2.2"), ("daphne", None), ("Django", "6.0a1"), ("redis", "4.6")]
)
def test_the_floor_itself_and_what_is_not_installed_pass(settings, install, name, version):
    install(name, version)
    assert found(settings) == set()


@pytest.mark.parametrize(
    "cable",
    [
        {"TRUSTED_PROXIES": -1},
        {"TRUSTED_PROXIES": 1.5},
        {"MAX_SUBSCRIPTIONS": 2.5},
        {"OVERLAP": float("inf")},
    ],
)
def test_a_number_of_the_wrong_kind_is_refused(settings, cable):
    assert found(settings, **cable) == {"notifications.E002"}

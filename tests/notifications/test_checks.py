"""What settings.CABLE gets wrong is said before the first socket opens."""

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

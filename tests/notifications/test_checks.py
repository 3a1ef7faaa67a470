"""What settings.CABLE gets wrong is said before the first socket opens."""

import pytest
from django.core.checks import run_checks
from django.db import DEFAULT_DB_ALIAS, connections

from notifications.checks import check_settings

RESOURCES = {"tasks": {"model": "tasks.Task", "owner": "user"}}
REDIS_LAYER = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}}


@pytest.fixture(autouse=True)
def redis_layer(settings):
    settings.CHANNEL_LAYERS = REDIS_LAYER


def found(settings, **cable):
    settings.CABLE = {"RESOURCES": RESOURCES} | cable
    return {message.id for message in run_checks(tags=["sync_cable"])}


def test_good_settings_are_silent(settings):
    assert found(settings, ALLOWED_ORIGINS=["https://lessy.example", "file://", "app://.", "*"]) == set()


@pytest.mark.parametrize(
    ("cable", "check"),
    [
        ({"NOPE": 1}, "sync_cable.E001"),
        ({"RESOURCES": {"tasks": {"model": "tasks.Nope"}}}, "sync_cable.E001"),
        ({"RESOURCES": {"tasks": {"owner": "user"}}}, "sync_cable.E001"),
        ({"RESOURCES": {"tasks": {"model": "tasks.Task", "owner": "nobody"}}}, "sync_cable.E001"),
        ({"RESOURCES": {"tasks": {"model": "tasks.Task", "nope": "x"}}}, "sync_cable.E001"),
        ({"RESOURCES": {"tasks": {"model": "tasks.Task", "monotonic": "yes"}}}, "sync_cable.E001"),
        ({"PING_INTERVAL": 0}, "sync_cable.E002"),
        ({"OVERLAP": "60"}, "sync_cable.E002"),
        ({"MAX_SUBSCRIPTIONS": True}, "sync_cable.E002"),
        ({"REQUIRE_ORIGIN": "off"}, "sync_cable.E020"),
        (
            {"SUBPROTOCOL_TOKEN": 1, "AUTHENTICATOR": "lessy.accounts.cable.TokenAuthenticator"},
            "sync_cable.E020",
        ),
        ({"SUBPROTOCOL_TOKEN": True}, "sync_cable.W020"),
        ({"OVERLAP": 0.5}, "sync_cable.W010"),
        ({"UPDATED_AT_UNIT": "h"}, "sync_cable.E003"),
        ({"ALLOWED_ORIGINS": ["lessy.example"]}, "sync_cable.E004"),
        ({"ALLOWED_ORIGINS": ["https://*.example.com"]}, "sync_cable.E004"),
        ({"ALLOWED_ORIGINS": "https://lessy.example"}, "sync_cable.E001"),
        ({"AUTHENTICATOR": "nope.Nope"}, "sync_cable.E005"),
        ({"AUTHENTICATOR": "notifications.handshake.origins.Origin"}, "sync_cable.E005"),
        ({"CHANNEL_LAYER": "nope"}, "sync_cable.E006"),
        ({"PUBLISH": "sometimes"}, "sync_cable.E011"),
        ({"SYNCHRONOUS_TIMEOUT": 0}, "sync_cable.E002"),
        ({"RESOURCES": {}}, "sync_cable.W001"),
        ({"SERVER": {"NOPE": 1}}, "sync_cable.E001"),
        ({"SERVER": "127.0.0.1:8000"}, "sync_cable.E001"),
        ({"SERVER": {"OPERATORS_PATHS": "/health"}}, "sync_cable.E001"),
        ({"SERVER": {"MESSAGE_SECONDS": 0}}, "sync_cable.E002"),
        ({"SERVER": {"REQUEST_BYTES": 1.5}}, "sync_cable.E002"),
        ({"SERVER": {"DRAIN_SECONDS": "10"}}, "sync_cable.E002"),
        ({"SERVER": {"NAME": "two\r\nlines"}}, "sync_cable.E024"),
        ({"SERVER": {"OPERATORS_PATHS": ["health"]}}, "sync_cable.E024"),
        ({"SERVER": {"ERROR_BODY": "nope.nope"}}, "sync_cable.E024"),
        ({"SERVER": {"ERROR_BODY": "notifications.conf.AUTO"}}, "sync_cable.E024"),
    ],
)
def test_a_wrong_setting_is_named(settings, cable, check):
    assert found(settings, **cable) == {check}


@pytest.mark.parametrize(
    ("backend", "check"),
    [
        ("channels_redis.core.RedisChannelLayer", "sync_cable.E007"),
        ("channels.layers.InMemoryChannelLayer", "sync_cable.E008"),
    ],
)
def test_a_layer_that_loses_messages_is_refused(settings, backend, check):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": backend}}
    assert found(settings) == {check}


@pytest.mark.parametrize(("interval", "expected"), [(1.0, set()), (1.1, {"sync_cable.E008"})])
def test_the_in_memory_layer_is_for_one_machine_that_reads_the_tables_each_second(
    settings, interval, expected
):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    assert found(settings, RECONCILE_INTERVAL=interval) == expected


@pytest.mark.parametrize(
    ("cable", "expected"),
    [
        ({"BROKER": "redis"}, {"sync_cable.E021"}),
        ({"BROKER": "postgresql", "BROKER_URL": "nonsense"}, {"sync_cable.E022"}),
        ({"BROKER": "postgresql", "BROKER_URL": "postgresql://me@localhost/db"}, set()),
        ({"BROKER": "postgresql", "BROKER_URL": "host=localhost dbname=db"}, set()),
    ],
)
def test_postgresql_as_broker_has_to_be_named(settings, cable, expected):
    settings.CHANNEL_LAYERS = {}
    assert found(settings, **cable) == expected


def test_without_a_postgresql_it_is_no_broker(settings, monkeypatch):
    monkeypatch.setattr(type(connections[DEFAULT_DB_ALIAS]), "vendor", "oracle")
    assert found(settings, BROKER="postgresql") == {"sync_cable.E022"}


def test_a_password_in_the_address_of_the_broker_is_not_shown(settings):
    settings.CABLE = {**settings.CABLE, "BROKER": "postgresql", "BROKER_URL": "postgresql://me:hunter2@[::/x"}
    [error] = check_settings(None)
    assert error.id == "sync_cable.E022"
    assert "hunter2" not in str(error)


def test_the_in_memory_layer_is_for_development(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.DEBUG = True
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
    assert found(settings, **cable) == {"sync_cable.E002"}


@pytest.mark.parametrize(("kept", "expected"), [(101, {"sync_cable.E019"}), (102, set())])
def test_a2_deletions_are_kept_for_longer_than_a_read_looks_back(settings, kept, expected):
    """60 s of overlap, and 41 s of lag. Only where a resource tells of deletions."""
    task = {**settings.CABLE["RESOURCES"]["tasks"], "deletions": True}
    cable = {"OVERLAP": 60.0, "RECONCILE_INTERVAL": 30.0, "DELETIONS_KEPT": kept}
    assert found(settings, **cable) == set()
    assert found(settings, **cable, RESOURCES={"tasks": task}) == expected

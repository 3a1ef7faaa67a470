"""What manage.py cable_serve refuses in a sentence, before anything listens; tests/plugged has the rest."""

import pytest
from django.core.management import CommandError, call_command

from notifications.server.server import BACKLOG, endpoint_for

REDIS_LAYER = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}}


@pytest.fixture(autouse=True)
def redis_layer(settings):
    settings.CHANNEL_LAYERS = REDIS_LAYER


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (None, r"ASGI_APPLICATION is not set: .*--cable-only"),
        ("nowhere.application", r"'nowhere.application': No module named 'nowhere'"),
        ("lessy.asgi.nothing", r"does not define a \"nothing\""),
        ("lessy.asgi.django_application", r"answers HTTP only: expected a ProtocolTypeRouter"),
    ],
)
def test_17_an_application_that_cannot_be_served_is_named(settings, path, sentence):
    settings.ASGI_APPLICATION = path
    with pytest.raises(CommandError, match=sentence):
        call_command("cable_serve")


@pytest.mark.parametrize("path", ["cable", "", "/cable?x=1", "ws://127.0.0.1/cable"])
def test_17_what_is_no_path_is_refused(path):
    with pytest.raises(CommandError, match="expected a path such as /cable"):
        call_command("cable_serve", "--cable-only", "--path", path)


@pytest.mark.parametrize("seconds", ["-1", "soon", "nan", "3601"])
def test_17_a_drain_that_is_no_time_is_refused(seconds):
    with pytest.raises(CommandError, match="expected seconds, from 0 to 3600"):
        call_command("cable_serve", f"--drain={seconds}")


@pytest.mark.parametrize("bind", ["", "8000", ":8000", "host:", "host:0", "host:65536", "host:" + "9" * 5000])
def test_17_what_is_no_address_is_refused(bind):
    with pytest.raises(ValueError, match="expected HOST:PORT"):
        endpoint_for(bind)


def test_17_an_address_of_either_kind_has_the_backlog():
    for bind, interface in (("127.0.0.1:80", "127.0.0.1"), ("[::1]:80", r"\:\:1")):
        assert endpoint_for(bind) == f"tcp:port=80:interface={interface}:backlog={BACKLOG}"

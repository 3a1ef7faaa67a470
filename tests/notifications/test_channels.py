"""CABLE["CHANNELS"]: clients that subscribe by the names of classes hear of the resources of each."""

import json
from datetime import timedelta

import pytest
from channels.db import database_sync_to_async
from django.core.checks import run_checks

from lessy.accounts import tokens
from notifications.conf import CableSettings
from notifications.hub.connection import Connection
from notifications.testing import CableCommunicator
from notifications.wire import protocol
from notifications.wire.payloads import Change
from projects.models import Project
from tasks.models import Task
from tests.notifications.test_connection import ADMISSION, NOW, Congested

pytestmark = pytest.mark.django_db(transaction=True)

CHANNELS = {"TasksChannel": ["tasks"], "ProjectsChannel": ["projects"], "WorkChannel": ["tasks", "projects"]}


@pytest.fixture
def connected(alice, settings):
    settings.CABLE = settings.CABLE | {"CHANNELS": CHANNELS}
    token = tokens.issue(alice, lifetime=timedelta(hours=1))

    def connect(**options):
        return CableCommunicator(cookies={"Authorization": token}, **options)

    return connect


@database_sync_to_async
def work(user):
    Task.objects.create(user=user, label="tea")
    Project.objects.create(user=user, name=f"Project {Project.objects.count()}")


async def heard(client, count):
    """(channel, action) of so many frames."""
    frames = [await client.receive_frame(timeout=5) for _ in range(count)]
    named = [(json.loads(frame["identifier"])["channel"], frame["message"]["action"]) for frame in frames]
    return sorted(named)


ALL = [
    ("NotificationsChannel", "create#projects"),
    ("NotificationsChannel", "create#tasks"),
    ("ProjectsChannel", "create#projects"),
    ("TasksChannel", "create#tasks"),
    ("WorkChannel", "create#projects"),
    ("WorkChannel", "create#tasks"),
]


@pytest.mark.parametrize("subprotocol", [protocol.BASE, protocol.EXTENDED])
async def test_each_channel_hears_of_its_resources(alice, connected, subprotocol):
    async with connected(subprotocol=subprotocol) as client:
        for name in (protocol.CHANNEL, *CHANNELS):
            assert (await client.subscribe(channel=name))["type"] == "confirm_subscription"
        await work(alice)
        assert await heard(client, len(ALL)) == ALL


async def test_a_replay_tells_of_its_resources_only(alice, connected):
    await work(alice)
    async with connected() as client:
        await client.subscribe(channel="TasksChannel", since=1)
        await work(alice)
        # Whatever else the replay told would come before the second task.
        assert await heard(client, 2) == [("TasksChannel", "create#tasks")] * 2


async def test_what_was_missed_is_told_to_the_channels_it_concerns():
    server = Congested()
    connection = Connection(
        server.send, None, ADMISSION, None, CableSettings(channels=CHANNELS), lambda connection: None
    )
    for name in ("TasksChannel", "ProjectsChannel"):
        subscription = connection.subscriptions.add(json.dumps({"channel": name}), NOW)
        subscription.resources = CHANNELS[name]
        subscription.release({}, ())
    connection.deliver_missed(Change("update", "tasks", 1, 1, NOW, "{}"), NOW, 0)
    server.reads.set()
    await connection.written()
    [text] = server.texts
    assert "TasksChannel" in json.loads(text)["identifier"]


async def test_other_names_are_unknown_as_ever(connected):
    async with connected() as client:
        identifier = protocol.encode({"channel": "NopeChannel"})
        await client.send_json_to({"command": protocol.SUBSCRIBE, "identifier": identifier})
        assert (await client.subscribe(channel="TasksChannel"))["identifier"] != identifier


@pytest.mark.parametrize(
    "channels", [{"TasksChannel": ["nope"]}, {"TasksChannel": "tasks"}, ["TasksChannel"]]
)
def test_a_channel_of_unknown_resources_is_refused(settings, channels):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer"}}
    settings.CABLE = settings.CABLE | {"CHANNELS": channels}
    assert [error.id for error in run_checks(tags=["sync_cable"])] == ["sync_cable.E018"]

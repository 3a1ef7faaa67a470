"""The helpers for users' own tests, used as their docs show."""

from datetime import timedelta

import pytest
from channels.db import database_sync_to_async

from lessy.accounts import tokens
from notifications.testing import CableCommunicator, captured_notifications
from notifications.wire import protocol
from tasks.models import Task

UNAUTHORIZED = {"type": "disconnect", "reason": "unauthorized", "reconnect": False}

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token(alice):
    return tokens.issue(alice, lifetime=timedelta(hours=1))


@database_sync_to_async
def buy(user, label):
    return Task.objects.create(user=user, label=label).pk


async def test_a_communicator_hears_what_its_user_changes(alice, token):
    async with CableCommunicator(cookies={"Authorization": token}) as client:
        assert (await client.subscribe())["type"] == "confirm_subscription"
        pk = await buy(alice, "tea")
        assert await client.receive_notification() == {"action": "create#tasks", "id": pk}


async def test_a_communicator_sends_headers_and_is_replayed_to(alice, token):
    pk = await buy(alice, "tea")
    async with CableCommunicator(headers={"Authorization": token}) as client:
        await client.subscribe(since=1)
        assert await client.receive_notification() == {"action": "create#tasks", "id": pk}


async def test_a_communicator_speaks_the_extended_protocol(alice, token):
    async with CableCommunicator(cookies={"Authorization": token}, subprotocol=protocol.EXTENDED) as client:
        await client.subscribe()
        await buy(alice, "tea")
        assert "offset" in await client.receive_frame()


async def test_two_communicators_share_a_process(alice, bob, token):
    his = await database_sync_to_async(tokens.issue)(bob, lifetime=timedelta(hours=1))
    async with CableCommunicator(cookies={"Authorization": token}) as hers:
        async with CableCommunicator(cookies={"Authorization": his}) as other:
            await hers.subscribe()
            await other.subscribe()
            await buy(bob, "coffee")
            await other.receive_notification()
        await buy(alice, "tea")
        await hers.receive_notification()


async def test_a_communicator_without_credentials_is_told_so():
    client = CableCommunicator()
    assert await client.open() == UNAUTHORIZED
    await client.close()


async def test_what_is_no_notification_is_not_taken_for_one(token):
    async with CableCommunicator(cookies={"Authorization": token}) as client:
        await client.send_json_to(
            {"command": "subscribe", "identifier": '{"channel":"NotificationsChannel"}'}
        )
        with pytest.raises(AssertionError, match="expected a notification"):
            await client.receive_notification()


def test_notifications_are_captured_by_commit(alice):
    with captured_notifications() as batches:
        first = Task.objects.create(user=alice, label="tea")
        second = Task.objects.create(user=alice, label="coffee")
    assert batches == [[{"action": "create#tasks", "id": each.pk}] for each in (first, second)]

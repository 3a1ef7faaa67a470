"""Users whose primary key is no number: a UUID travels as its text, whatever an authenticator says."""

import uuid
from dataclasses import dataclass

import pytest
from django.utils import timezone

import notifications
from notifications.broker import publisher
from notifications.testing import CableCommunicator
from notifications.wire.payloads import create_change
from tests.support.authenticators import AdmitsAll

USER = uuid.UUID("0a1b2c3d-0000-4000-8000-00000000cafe")


@dataclass
class Admitted:
    user_id = USER
    key = "session"
    expires_at = None


class Authenticator(AdmitsAll):
    admission = Admitted()


@pytest.fixture
def uuid_users(settings):
    settings.CABLE = {**settings.CABLE, "AUTHENTICATOR": f"{__name__}.Authenticator"}


@pytest.mark.usefixtures("uuid_users", "transactional_db")
async def test_a_user_with_a_uuid_hears_and_is_disconnected():
    async with CableCommunicator() as client:
        await client.subscribe()
        publisher.publish([create_change("tasks", 7, str(USER), timezone.now())])
        assert await client.receive_notification() == {"action": "create#tasks", "id": 7}
        notifications.disconnect(USER)
        assert (await client.receive_frame())["reason"] == "remote"

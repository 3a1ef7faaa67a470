"""manage.py cable_asyncapi: the document of any project, made from its settings."""

import io
import json

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator

from tests.notifications.contract.test_types import RESOURCES

SESSIONS = "notifications.handshake.authentication.SessionAuthenticator"
TOKENS = "notifications.handshake.drf.TokenAuthenticator"


def document(**options):
    out = io.StringIO()
    call_command("cable_asyncapi", stdout=out, **options)
    return json.loads(out.getvalue())


@pytest.fixture
def cable(settings):
    """cable(key=value): further settings."""

    def set_to(**more):
        settings.CABLE = settings.CABLE | {"RESOURCES": RESOURCES} | more

    set_to()
    return set_to


def accepts(found, change):
    return Draft202012Validator(found["components"]["schemas"]["change"]).is_valid(change)


def test_what_is_announced_is_described_and_nothing_else(cable):
    found = document()
    assert accepts(found, {"action": "update#cards", "id": 23, "updatedAt": 1515248100})
    assert accepts(found, {"action": "destroy#cards", "id": 23})
    assert accepts(found, {"action": "create#told", "id": 23, "title": "Dune"})
    assert accepts(found, {"action": 'create#odd"name', "id": [1, "0b0c8c5e-5c0f-4a59-8f0a-5d1d0a8a6c6b"]})
    for wrong in (
        {"action": "destroy#cars", "id": 23},
        {"action": "create#tasks", "id": 23},
        {"action": "create#cards", "id": "23"},
        {"action": "create#cards", "id": 23, "updatedAt": 1515248100},
        {"action": "update#cards", "id": 23},
        {"action": "destroy#told", "id": 23, "title": "Dune"},
        {"action": 'create#odd"name', "id": [1]},
    ):
        assert not accepts(found, wrong)


def test_a_project_that_announces_nothing_has_a_document(cable):
    cable(RESOURCES={})
    assert not accepts(document(), {"action": "create#cards", "id": 23})


def test_the_channels_and_the_unit_are_those_of_settings(cable):
    cable(CHANNELS={"CardsChannel": ["cards"]}, UPDATED_AT_UNIT="ms")
    found = document()
    assert "NotificationsChannel, CardsChannel" in found["components"]["schemas"]["identifier"]["description"]
    assert "Milliseconds since the epoch." in json.dumps(found)


def test_the_credentials_are_those_of_the_authenticator(cable, settings):
    settings.SESSION_COOKIE_NAME = "of_this_site"
    cable(AUTHENTICATOR=SESSIONS)
    session = {"type": "httpApiKey", "name": "of_this_site", "in": "cookie"}
    assert document()["components"]["securitySchemes"] == {"session": session}
    cable(AUTHENTICATOR=TOKENS, SUBPROTOCOL_TOKEN=True)
    assert list(document()["components"]["securitySchemes"]) == ["cookie", "header", "subprotocol"]


class Silent:
    """An authenticator that does not describe itself."""

    def authenticate(self, handshakes):
        return [None for _ in handshakes]

    def still_admitted(self, admissions):
        return [False for _ in admissions]


def test_an_authenticator_need_not_describe_itself(cable):
    cable(AUTHENTICATOR=f"{__name__}.Silent")
    found = document(host="cards.example")
    assert found["components"]["securitySchemes"] == {}
    assert found["servers"] == {"production": {"host": "cards.example", "protocol": "wss"}}


def test_the_names_are_those_of_the_options(cable):
    found = document(title="Cards", api_version="3.1", host="cards.example", path="/live")
    assert (found["info"]["title"], found["info"]["version"]) == ("Cards", "3.1")
    assert found["channels"]["cable"]["address"] == "/live"
    named = {each["$ref"].rpartition("/")[2] for each in found["servers"]["production"]["security"]}
    assert named == set(found["components"]["securitySchemes"])
    assert "servers" not in document()

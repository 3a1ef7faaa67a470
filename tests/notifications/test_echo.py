"""A client that names itself is not told at once of what it changed itself."""

import asyncio

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from notifications.broker import publisher as module
from notifications.broker.events import changes_event, changes_of, changes_of_shared, shared_event
from notifications.broker.publisher import publish
from notifications.ground.echo import current_client, name_of
from notifications.middleware import cable_middleware
from notifications.wire.payloads import Change
from notifications.wire.protocol import parse_identifier

pytestmark = pytest.mark.django_db

CHANGE = Change("update", "tasks", 1, 7, 5, "{}")


@pytest.mark.parametrize("value", [None, "", "x" * 65, "a b", "a\n", "\u00e4", 7, "x" * 100_000])
def test_what_is_no_name_is_none(value):
    assert name_of(value) == ""


def test_a_request_names_its_client_as_long_as_it_lasts():
    answer = cable_middleware(lambda request: HttpResponse(current_client()))
    assert answer(RequestFactory().get("/", headers={"X-Cable-Client": "page-7"})).content == b"page-7"
    assert answer(RequestFactory().get("/", headers={"X-Cable-Client": "page 7"})).content == b""
    assert current_client() == ""


async def test_requests_that_are_answered_at_once_have_each_their_client(monkeypatch):
    # Otherwise a thread of asgiref's would ask the database, and keep its connection.
    monkeypatch.setattr("notifications.middleware.is_known", lambda: True)
    monkeypatch.setattr("notifications.middleware.position", lambda at: "epoch-1")

    async def view(request):
        await asyncio.sleep(0)
        return HttpResponse(current_client())

    answer = cable_middleware(view)
    names = ["a", "b", ""]
    requests = [RequestFactory().get("/", headers={"X-Cable-Client": name}) for name in names]
    answers = await asyncio.gather(*map(answer, requests))
    assert [each.content.decode() for each in answers] == names
    assert {each["Cable-Position"] for each in answers} == {"epoch-1"}


def test_what_is_published_meanwhile_carries_the_name(monkeypatch):
    items = []
    monkeypatch.setattr(module.publisher, "enqueue", items.extend)

    def view(request):
        publish([CHANGE])
        return HttpResponse()

    cable_middleware(view)(RequestFactory().get("/", headers={"X-Cable-Client": "page-7"}))
    publish([CHANGE])
    named, plain = (list(changes_of(item.event)) for item in items)
    assert named == [CHANGE._replace(client="page-7")]
    assert plain == [CHANGE]


def test_processes_of_the_version_before_read_what_carries_no_name():
    assert changes_event([CHANGE], 0)["changes"] == [["update", "tasks", 1, 7, 5, "{}"]]
    assert shared_event(CHANGE, [7], 0)["change"] == ["update", "tasks", 1, 5, "{}"]
    named = CHANGE._replace(client="page-7")
    assert list(changes_of_shared(shared_event(named, [7, 8], 0))) == [named, named._replace(user_id=8)]


def test_an_identifier_names_its_client():
    assert parse_identifier('{"channel":"NotificationsChannel","client":"page-7"}').client == "page-7"
    assert parse_identifier('{"channel":"NotificationsChannel","client":7}').client == ""

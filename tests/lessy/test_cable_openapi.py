"""What OpenAPI says of the cable by HTTP is true."""

import httpx
import pytest

from lessy.cable_openapi import COMPONENTS, PATHS
from lessy.openapi import _schema
from notifications.handshake import by_http
from tasks.models import Task
from tests.api import Api
from tests.support.event_stream import EventSource, as_a_browser

CHANGES, EVENTS = (PATHS[path]["get"]["responses"] for path in ("/cable/changes", "/cable/events"))


def test_both_are_in_the_document():
    document = _schema().decode()
    assert '"/cable/changes"' in document
    assert '"/cable/events"' in document


def codes_of(response):
    return response["content"]["application/json"]["schema"]["allOf"][1]["properties"]["error"]["enum"]


def is_described(answer, responses):
    described = responses[str(answer.status_code)]
    if answer.status_code >= 400:
        assert answer.json()["error"] in codes_of(described)
    if "Cable-Position" in described.get("headers", ()):
        assert answer.headers["Cable-Position"]
    return answer.status_code


@pytest.mark.django_db(transaction=True)
def test_each_answer_to_a_pull_is_described(alice, client, settings, monkeypatch):
    monkeypatch.setattr(by_http, "_buckets", by_http.Buckets())
    headers = Api(alice).headers

    def ask(position=None, **more):
        query = {} if position is None else {"position": position}
        return client.get("/cable/changes", query, headers={**headers, **more})

    begun = ask()
    task = Task.objects.create(user=alice, label="two")
    found = ask(begun["Cable-Position"])
    assert found.json().keys() == COMPONENTS["Changes"]["properties"].keys()
    assert {"action": "create#tasks", "id": task.pk} in found.json()["changes"]
    again = ask(begun["Cable-Position"], **{"If-None-Match": found["ETag"]})
    answers = [begun, found, again, ask("x"), client.get("/cable/changes")]
    answers.append(ask(Origin="https://evil.example"))
    settings.CABLE = {**settings.CABLE, "HANDSHAKES_BURST": 0.5}
    answers.append(client.get("/cable/changes", headers=headers, REMOTE_ADDR="192.0.2.1"))
    told = {is_described(answer, CHANGES) for answer in answers}
    assert told == {int(status) for status in CHANGES} - {503}


def test_a_stream_is_answered_as_described(server, cooper):
    url = f"{server.url}/cable/events"
    with EventSource(url, headers=as_a_browser(cooper.token)) as stream:
        assert stream.answer.headers["Content-Type"] in EVENTS[str(stream.status)]["content"]
    for headers in ({}, as_a_browser(cooper.token, Origin="https://evil.example")):
        is_described(httpx.get(url, headers=headers), EVENTS)
    assert set(EVENTS) == {"200", "401", "403", "414", "429"}

"""docs/asyncapi.json describes the frames that the server really sends."""

import json
import time

import pytest
from django.core.management import call_command
from jsonschema import Draft7Validator, Draft202012Validator

from notifications.wire import protocol
from tests.docs.asyncapi import DOCUMENT, FILE, names_of
from tests.support.cable import EXTENDED, I
from tests.support.required import missing
from tests.support.site import ROOT


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_it_is_a_document_of_asyncapi_3():
    schemas = ROOT / "tests/clients/node_modules/@asyncapi/specs/schemas"
    if not schemas.is_dir():
        missing("@asyncapi/specs (with make setup)")
    schema = json.loads((schemas / f"{DOCUMENT['asyncapi']}-without-$id.json").read_text())
    Draft7Validator(schema).validate(DOCUMENT)


def test_it_is_made_from_lessys_settings():
    call_command("cable_asyncapi", title="Lessy's cable", host="lessy.example", check=FILE)


def test_every_reference_leads_somewhere():
    for reference in references(DOCUMENT):
        node = DOCUMENT
        for word in reference.removeprefix("#/").split("/"):
            node = node[word]


@pytest.mark.parametrize("name", DOCUMENT["components"]["messages"])
def test_every_schema_is_one(name):
    Draft202012Validator.check_schema(DOCUMENT["components"]["messages"][name]["payload"])
    assert name in DOCUMENT["channels"]["cable"]["messages"]


@pytest.mark.parametrize(
    ("frame", "name"),
    [
        (protocol.welcome(), "welcome"),
        (protocol.ping(1), "ping"),
        (protocol.confirm_subscription(I), "confirmSubscription"),
        (protocol.reject_subscription(I), "rejectSubscription"),
        (protocol.confirm_history(I), "confirmHistory"),
        (protocol.reject_history(I), "rejectHistory"),
        (protocol.disconnect(protocol.UNAUTHORIZED, reconnect=False), "disconnect"),
        (protocol.disconnect(protocol.LIMIT, reconnect=False), "disconnect"),
        ('{"identifier":"x","message":{"action":"create#tasks","id":1}}', "notification"),
    ],
)
def test_each_frame_is_one_of_its_messages_and_no_other(frame, name):
    assert names_of(frame) == [name]


@pytest.mark.parametrize(
    "frame",
    [
        '{"type":"welcome","more":1}',
        '{"identifier":"x","message":{"action":"create#tasks","id":1},"offset":7}',
        '{"identifier":"x","type":"confirm"}',
        '{"type":"disconnect","reason":"boredom","reconnect":true}',
    ],
)
def test_what_is_no_frame_of_ours_is_not_described(frame):
    assert names_of(frame) == []


def test_what_a_server_says_is_described(site, server, cooper):
    with server.connect(cooper, subprotocols=EXTENDED) as socket:
        socket.subscribe(history={"since": int(time.time())})
        socket.frame()
        site.touch(site.new_task(cooper))
        socket.message()
        socket.message()
        site.manage("cable_disconnect", "--user", cooper.username)
        socket.frame()
        heard = [names_of(text) for text in socket.texts]
    assert all(len(names) == 1 for names in heard), list(zip(heard, socket.texts, strict=True))
    assert {"welcome", "confirmSubscription", "confirmHistory", "notification", "disconnect"} <= {
        name for [name] in heard
    }

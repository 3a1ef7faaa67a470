"""The description of the API: valid, complete, and true (schemathesis)."""

import json
import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from django.urls import URLPattern, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lessy.api.errors import ERRORS
from lessy.api.views import LessyView
from projects.models import Project
from tasks.models import Task
from tests.api import Api
from tests.support.work import counted

SCHEMA = schemathesis.openapi.from_wsgi("/api/schema", get_wsgi_application())
PATHS = SCHEMA.raw_schema["paths"]
OPERATIONS = [(verb, path) for path, verbs in PATHS.items() if path.startswith("/api") for verb in verbs]
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
# Bounded; LESSY_SCHEMA_EXAMPLES=500 asks for more.
EXAMPLES = int(os.environ.get("LESSY_SCHEMA_EXAMPLES", "15"))


def test_the_schema_is_valid_and_without_warnings(tmp_path):
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))


def views(patterns):
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield getattr(pattern.callback, "cls", None)
        else:
            yield from views(pattern.url_patterns)


def test_every_verb_of_every_view_is_described():
    ours = [view for view in views(get_resolver().url_patterns) if view and issubclass(view, LessyView)]
    verbs = [
        verb for view in ours for verb in ("get", "post", "put", "patch", "delete") if hasattr(view, verb)
    ]
    assert len(OPERATIONS) == len(verbs) == 26


def test_every_operation_says_what_it_does_answers_and_refuses():
    for verb, path in OPERATIONS:
        operation = PATHS[path][verb]
        assert operation["summary"]
        assert any(status.startswith("2") for status in operation["responses"])
        assert ("requestBody" in operation) == ("400" in operation["responses"])
        for status, response in operation["responses"].items():
            if status.startswith("4"):
                [_, codes] = response["content"]["application/json"]["schema"]["allOf"]
                for code in codes["properties"]["errors"]["items"]["properties"]["code"]["enum"]:
                    assert str(ERRORS.get(code, (422,))[0]) == status


def test_keys_are_those_of_the_wire():
    schemas = SCHEMA.raw_schema["components"]["schemas"]
    assert not [key for key in json.dumps(schemas["Project"]).split('"') if key.endswith("_at")]
    assert "plannedCount" in schemas["Task"]["properties"]["attributes"]["properties"]


def test_the_page_works_offline(client, db):
    page = client.get("/docs").content.decode()
    assert "/static/drf_spectacular_sidecar/" in page
    assert "https://" not in page.replace("https://github.com/swagger-api", "")
    assert client.get("/api/schema/").json()["info"]["title"] == "Lessy"


@pytest.mark.parametrize("verb", ["OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "NONSENSE"])
def test_c8_the_page_is_read_only(client, db, verb):
    client.raise_request_exception = False
    assert client.generic(verb, "/docs").status_code == 405
    assert client.head("/docs").status_code == 200


def test_c8_the_schema_is_made_once_and_takes_no_parameters(client, db):
    usual = client.get("/api/schema")
    odd = ["lang=xx", "version=9", "version=%0d%0aX:1", "lang=..%2f..%00", f"lang={'x' * 9_000}"]
    for query in odd:
        with counted() as work:
            answer = client.get(f"/api/schema?{query}")
        assert (answer.status_code, answer.content) == (200, usual.content)
        assert answer.headers == usual.headers
        assert work.calls < 5_000


@pytest.mark.parametrize("verb", ["post", "delete", "patch", "options"])
def test_the_schema_is_read_only(client, db, verb):
    answer = getattr(client, verb)("/api/schema")
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "missing_endpoint"


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
def test_no_request_is_answered_otherwise_than_described(alice, kept_connection, verb, path):
    project = Project.objects.create(user=alice, name="one")
    task = Task.objects.create(user=alice, label="two", project=project)
    key = project.pk if "projects" in path else task.pk
    people = [{}, Api(alice).headers, Api(alice, sudo=True).headers]

    @given(case=SCHEMA[path][verb].as_strategy(), known=st.booleans(), headers=st.sampled_from(people))
    @settings(max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ask(case, known, headers):
        if known and "id" in case.path_parameters:
            case.path_parameters["id"] = key
        with suppress(Undone), transaction.atomic():
            case.call_and_validate(headers=headers, checks=CHECKS)
            raise Undone

    ask()


@pytest.fixture
def kept_connection() -> Iterator[None]:
    """As Django's test client does: the end of a request does not close the connection of the test."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


class Undone(Exception):
    """So that each request finds the same rows."""

"""Whatever is sent, to every endpoint that reads: a 4xx in the error format, and nothing is changed."""

import json

import pytest

from lessy.accounts import mail_tokens
from lessy.accounts.models import User
from projects.models import Project
from tasks.models import Task
from tests.api import Api
from tests.fixtures import mail_activation, mail_reset

SECRETS = {
    "token": "the-reset-token",
    "username": "alice",
    "password": "secret",
    "email": "laura@example.com",
}
FIELDS = {"name": "new", "label": "new", "state": "planned", "order": 1, **SECRETS}
GOOD = FIELDS | dict.fromkeys(("user", "project", "task"), FIELDS)


def deep(levels: int, opening: bytes, closing: bytes) -> bytes:
    return opening * levels + b"1" + closing * levels


def with_extra(extra: bytes) -> bytes:
    """A body that would be taken, were it not for one more key."""
    return json.dumps(GOOD).encode()[:-1] + b', "extra": ' + extra + b"}"


MALFORMED = {
    "not JSON": b"{nonsense",
    "half of it": json.dumps(GOOD).encode()[:-1],
    "two of it": json.dumps(GOOD).encode() * 2,
    "a list": b"[" + json.dumps(GOOD).encode() + b"]",
    "text": b'"text"',
    "a number": b"5",
    "null": b"null",
    "nested 1000 deep, lists": deep(1_000, b"[", b"]"),
    "nested 1000 deep, objects": deep(1_000, b'{"user":', b"}"),
    "nested 1000 deep, in a key more": with_extra(deep(1_000, b"[", b"]")),
    "nested 100 deep, in a key more": with_extra(deep(100, b'{"a":', b"}")),
    "nested 30000 deep": deep(30_000, b"[", b"]"),
    "invalid UTF-8": with_extra(b'"\xff\xfe"'),
    "an overlong form": with_extra(b'"\xc0\xaf"'),
    "a huge integer": with_extra(b"1" * 10_000),
    "a NUL": with_extra(b'"a\\u0000b"'),
    "a bare NUL": with_extra(b'"a\0b"'),
    "a lone surrogate": with_extra(b'"\\ud800"'),
    "not a number": with_extra(b"NaN"),
    "infinity": with_extra(b"-Infinity"),
}
TOO_LARGE = {
    "65 KiB": with_extra(b'"' + b"x" * 2**16 + b'"'),
    "1 MB": with_extra(b'"' + b"x" * 2**20 + b'"'),
    "1 MB of nesting": with_extra(deep(2**19, b"[", b"]")),
    "1 MB of keys": with_extra(b"{" + b",".join(b'"%d":1' % n for n in range(90_000)) + b"}"),
    "1 MB of blanks": with_extra(b" " * 2**20 + b"1"),
}
ENDPOINTS = [
    ("POST", "users"),
    ("POST", "users/authorizations"),
    ("POST", "users/activations"),
    ("POST", "users/activation_emails"),
    ("POST", "users/password_resets"),
    ("POST", "users/passwords"),
    ("PATCH", "users/me"),
    ("POST", "users/me/projects"),
    ("PATCH", "projects/{project}"),
    ("PUT", "projects/{project}/state"),
    ("POST", "users/me/tasks"),
    ("PATCH", "tasks/{task}"),
    ("PUT", "tasks/{task}/state"),
    ("PUT", "tasks/{task}/order"),
]


def everything():
    return [list(model.objects.order_by("pk").values()) for model in (User, Project, Task)]


@pytest.fixture
def house(alice, registration, monkeypatch):
    """Where the token of GOOD is the one of both mails."""
    pending = User.objects.create(email="pending@example.com")

    def known(purpose, user, *bound):
        return SECRETS["token"] if user.pk in (alice.pk, pending.pk) else derive(purpose, user, *bound)

    derive = mail_tokens._derive
    monkeypatch.setattr(mail_tokens, "_derive", known)
    mail_reset(alice)
    mail_activation(pending)
    project = Project.objects.create(user=alice, name="one")
    Task.objects.create(user=alice, label="one", project=project)
    second = Task.objects.create(user=alice, label="two", state="started", started_at=project.created_at)
    return {"project": project.pk, "task": second.pk}


@pytest.mark.parametrize(("verb", "path"), ENDPOINTS)
def test_a_malformed_body_is_refused_and_changes_nothing(alice, house, mailoutbox, verb, path):
    api = Api(alice, sudo=True)
    before = everything()
    refusals = (
        (MALFORMED, (400, [("bad_request", None)])),
        (TOO_LARGE, (413, [("content_too_large", None)])),
    )
    for bodies, refusal in refusals:
        for name, body in bodies.items():
            assert api.call(verb, path.format(**house), body).refused == refusal, name
            assert everything() == before, name


@pytest.mark.parametrize(("verb", "path"), ENDPOINTS)
@pytest.mark.parametrize("value", [10**400, -(10**400), 1e308, 2**63, 2**64])
def test_huge_numbers_are_no_crash(alice, house, verb, path, value):
    api = Api(alice, sudo=True)
    fields = dict.fromkeys([*FIELDS, "project_id", "due_at", "planned_at", "finished_at"], value)
    for body in (fields, dict.fromkeys(("user", "project", "task"), fields)):
        assert api.call(verb, path.format(**house), body).status < 500


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "nonsense"],
)
def test_the_content_type_does_not_matter(alice, content_type):
    api = Api(alice)
    for body, status in ((b'{"label": "x"}', 201), (b"label=x", 400)):
        answer = api.client.generic(
            "POST", "/api/users/me/tasks", body, content_type=content_type, headers=api.headers
        )
        assert answer.status_code == status

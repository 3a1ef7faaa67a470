"""Lengths before work: no text is normalised, matched, hashed or looked up before its length is known."""

import json
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.urls import reverse

from lessy.accounts import rules, tokens
from projects.models import DESCRIPTION_LENGTH, Project
from projects.slugs import parameterize
from tasks.models import LABEL_LENGTH, Task
from tests.api import Api
from tests.fixtures import mail_activation, mail_reset
from tests.lessy.test_malformed_bodies import ENDPOINTS, GOOD, house  # noqa: F401
from tests.support.work import Work, counted

MARKS = "\u0315\u0300"
HOSTILE = {
    "combining marks": MARKS,
    "dots": "a.",
    "nested brackets": "[",
    "quotes": '\\"',
    "blanks": " \t",
    "digits": "11",
}
FIELDS = (
    *("email", "username", "time_zone", "password", "token", "sudo"),
    *("name", "description", "label", "state", "order", "project_id", "due_at", "planned_at", "finished_at"),
)
# What a costly function may be given: a password, a token with the word before it.
COSTLY_LENGTH = tokens.LONGEST + 64
IN_BODY = 60_000  # bytes
TOO_LARGE = 2**20  # bytes


def of_bytes(unit: str, size: int) -> str:
    """With what makes an address of it, so that it passes the first look at its form."""
    return "a@b" + unit * (size // len(json.dumps(unit, ensure_ascii=False).encode()[1:-1]))


def body_with(field: str, text: str) -> bytes:
    """A body that would be taken, were it not for this one text: on the top level and in each wrapper."""
    wrapper = next((name for name in ("user", "project", "task") if field in OF[name]), "user")
    inner = {**GOOD["user"], **{key: GOOD[key] for key in GOOD if key in OF[wrapper]}}
    body = {**GOOD, wrapper: {**inner, field: text}} if field != "token" else {**GOOD, field: text}
    return json.dumps(body, ensure_ascii=False).encode()


OF = {
    "user": ("email", "username", "time_zone", "password"),
    "project": ("name", "description", "due_at"),
    "task": ("label", "order", "project_id", "planned_at"),
}


@contextmanager
def undone() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def work_of(api: Api, verb: str, path: str, body: bytes) -> tuple[int, Work]:
    with undone(), counted() as work:
        status = api.call(verb, path, body).status
    return status, work


def assert_bounded(work: Work, calls: int, what: str) -> None:
    longest = dict(work.longest)
    stored = longest.pop("SQL", 0)
    assert max(longest.values(), default=0) <= COSTLY_LENGTH, (what, longest)
    assert stored <= DESCRIPTION_LENGTH, (what, stored)
    assert work.calls <= 2 * calls + 1_000, (what, work.calls, calls)


@pytest.mark.parametrize(("verb", "path"), ENDPOINTS)
def test_c1_hostile_text_makes_no_more_work_than_short_text(alice, house, verb, path):  # noqa: F811
    api = Api(alice, sudo=True)
    path = path.format(**house)
    for field in FIELDS:
        _, usual = work_of(api, verb, path, body_with(field, "a@b"))
        for name, unit in HOSTILE.items():
            text = of_bytes(unit, IN_BODY)
            for body in (body_with(field, text), json.dumps({field: text}, ensure_ascii=False).encode()):
                status, work = work_of(api, verb, path, body)
                assert status < 500
                assert_bounded(work, usual.calls, f"{field}: {name}")


@pytest.mark.parametrize(("verb", "path"), ENDPOINTS)
def test_c1_a_megabyte_is_refused_unread(alice, house, verb, path):  # noqa: F811
    api = Api(alice, sudo=True)
    _, usual = work_of(api, verb, path.format(**house), b"{}")
    for field in FIELDS:
        for name, unit in HOSTILE.items():
            body = body_with(field, of_bytes(unit, TOO_LARGE))
            status, work = work_of(api, verb, path.format(**house), body)
            assert status == 413
            assert_bounded(work, usual.calls, f"{field}: {name}")


@pytest.mark.parametrize("verb", ["GET", "DELETE"])
@pytest.mark.parametrize(
    "path", ["users/me/tasks", "users/me/projects", "users/authorizations", "tasks", "projects"]
)
def test_c1_paths_and_queries_are_bounded_as_well(alice, verb, path):
    api = Api(alice, sudo=True)
    _, usual = work_of(api, verb, f"{path}/1?page=1&all=1", b"")
    for unit in ("a.", "[", "1", "%CC%95%CC%80"):
        for found in (f"{path}/{unit * 5_000}", f"{path}?page={unit * 5_000}&all={unit * 5_000}"):
            status, work = work_of(api, verb, found, b"")
            assert status < 500
            assert_bounded(work, usual.calls + 2_000, found[:60])


@pytest.mark.parametrize("header", ["Authorization", "Cookie", "X-Forwarded-For", "Accept", "User-Agent"])
def test_c1_headers_are_bounded_as_well(alice, header, settings):
    settings.LESSY_TRUSTED_PROXIES = 1
    settings.LESSY_THROTTLE_RATES = {"login_address": "1000/min"}
    api = Api(alice)
    credentials = b'{"username": "alice"}'
    work_of(api, "POST", "users/authorizations", credentials)  # what is imported and compiled once
    _, usual = work_of(api, "POST", "users/authorizations", credentials)
    for unit in ("a.", "[", "1", "bearer ", ":", ",", "é"):
        api.headers[header] = f"Authorization={unit * 8_000}" if header == "Cookie" else unit * 8_000
        status, work = work_of(api, "POST", "users/authorizations", credentials)
        assert status == 401
        assert_bounded(work, usual.calls, f"{header}: {unit}")


def test_c1_the_admins_door_takes_no_long_text(client, alice):
    door = reverse("admin:login")
    for _ in range(2):  # the first time its templates are compiled
        with counted() as usual:
            client.post(door, {"username": "alice", "password": "x"})
    for field, unit in (
        (field, unit) for field in ("username", "password", "next") for unit in HOSTILE.values()
    ):
        with counted() as work:
            answer = client.post(door, {"username": "alice", "password": "x", field: unit * 500_000})
        assert answer.status_code == 200
        assert_bounded(work, usual.calls, f"{field}: {unit!r}")


def test_c1_the_admins_search_takes_no_long_text(admin_client):
    for model in ("accounts_user", "accounts_accesstoken", "projects_project", "tasks_task", "auth_group"):
        answer = admin_client.get(reverse(f"admin:{model}_changelist"), {"q": "a " * 2_000})
        assert answer.status_code == 200
        assert "at most 200 characters" in answer.content.decode()
        assert admin_client.get(reverse(f"admin:{model}_changelist"), {"q": "a " * 10}).status_code == 200


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"label": "x" * (LABEL_LENGTH + 1)}, "/task/label"),
        ({"description": "x" * (DESCRIPTION_LENGTH + 1)}, "/project/description"),
    ],
)
def test_c7_a_text_that_is_too_long_is_a_validation_error(alice_api, alice, body, pointer):
    project = Project.objects.create(user=alice, name="one")
    task = Task.objects.create(user=alice, label="two")
    member = f"projects/{project.pk}" if "project" in pointer else f"tasks/{task.pk}"
    assert alice_api.patch(member, body).refused == (422, [("too_long", pointer)])
    [[name, text]] = body.items()
    assert alice_api.patch(member, {name: text[:-1]}).status == 200


def test_c7_a_new_task_has_a_bounded_label(alice_api):
    refused = alice_api.post("users/me/tasks", {"label": "x" * (LABEL_LENGTH + 1)}).refused
    assert refused == (422, [("too_long", "/task/label")])
    assert alice_api.post("users/me/tasks", {"label": "\u00e9" * LABEL_LENGTH}).status == 201


def test_c7_what_is_stored_from_before_the_limits_can_still_be_changed(alice_api, alice):
    project = Project.objects.create(user=alice, name="one", description="x" * (DESCRIPTION_LENGTH + 1))
    task = Task.objects.create(user=alice, label="x" * (LABEL_LENGTH + 1))
    assert alice_api.patch(f"projects/{project.pk}", {"name": "other"}).status == 200
    assert alice_api.put(f"tasks/{task.pk}/state", {"state": "started"}).status == 200
    assert alice_api.patch(f"tasks/{task.pk}", {"project_id": project.pk}).status == 200


@pytest.mark.parametrize("resource", ["task", "project"])
def test_c7_a_user_has_so_many_rows_and_no_more(alice_api, bob, settings, resource):
    settings.LESSY_MAX_TASKS = settings.LESSY_MAX_PROJECTS = 2
    bodies = [{"label": f"number {n}", "name": f"number {n}"} for n in range(3)]
    path = f"users/me/{resource}s"
    assert [alice_api.post(path, body).status for body in bodies[:2]] == [201, 201]
    refused = alice_api.post(path, bodies[2])
    assert refused.refused == (422, [("reached_max", f"/{resource}")])
    assert refused.body["errors"][0]["detail"] == f"User cannot have more than 2 {resource}s"
    assert Api(bob).post(path, bodies[0]).status == 201


@pytest.mark.parametrize("door", ["passwords", "activations"])
def test_c1_a_password_has_a_length(alice, pending, nobody, door):
    token = mail_reset(alice) if door == "passwords" else mail_activation(pending)
    body = {"token": token, "user": {"username": "laura", "password": "x" * (rules.PASSWORD_LENGTH + 1)}}
    assert nobody.post(f"users/{door}", body).refused == (422, [("too_long", "/user/password")])
    body["user"]["password"] = "x" * rules.PASSWORD_LENGTH
    assert nobody.post(f"users/{door}", body).status == 200


def test_c1_the_counting_sees_what_it_is_there_for():
    with counted() as work:
        parameterize("a" + MARKS * 3_000)
    assert work.longest["normalize"] == 6_001
    assert work.calls > 6_000
    assert unicodedata.normalize.__name__ == "normalize"

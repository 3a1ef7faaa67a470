"""PATCH and DELETE /users/me, accepting the terms, and the features."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.contrib.auth.models import Group
from waffle.models import Flag

from lessy.accounts import services, tokens
from lessy.accounts.models import AccessToken, User
from lessy.accounts.rules import time_zones
from lessy.accounts.signals import access_ended
from lessy.api.errors import ApiError
from projects.models import Project
from tasks.models import Task
from tasks.services import task_create
from tasks.shapes import task_shape
from tests.api import Api
from tests.concurrency import together
from tests.nonsense import NOT_JSON, NOT_OBJECTS, twisted

ME = "users/me"
UNAUTHORIZED = (401, [("unauthorized", None)])


# Who I am


def test_a_pending_user_without_accepted_terms_sees_themselves(pending, unaccepted_terms):
    attributes = Api(pending).get(ME).data["attributes"]
    assert attributes["username"] is None
    assert attributes["hasAcceptedTos"] is False


def test_a_token_of_a_user_who_cannot_exist_is_nobodys(alice, nobody, monkeypatch):
    for pk in (0, -1, 2**63, 10**30):
        nobody.headers["Authorization"] = forged(pk, monkeypatch)
        assert nobody.get(ME).refused == UNAUTHORIZED


def forged(pk, monkeypatch):
    """Signed by us, of a row of Alice, for another user id."""
    alice = User.objects.get()
    encode = tokens.jwt.encode
    with monkeypatch.context() as patch:
        patch.setattr(
            tokens.jwt,
            "encode",
            lambda payload, *args, **kw: encode(payload | {"data": {"user_id": pk}}, *args, **kw),
        )
        return tokens.issue(alice, lifetime=timedelta(hours=1))


def test_the_text_null_is_no_token(nobody):
    nobody.headers["Authorization"] = "null"
    assert nobody.get("").status == 200
    assert nobody.get(ME).refused == UNAUTHORIZED


# PATCH


@pytest.mark.parametrize(
    "body",
    [
        {"user": {"email": "a@new.example", "username": "alicia", "timeZone": "Europe/Paris"}},
        {"email": "a@new.example", "username": "alicia", "time-zone": "Europe/Paris", "more": 1},
    ],
)
def test_a_profile_is_changed_and_answered_with_three_attributes(alice, alice_api, body):
    answer = alice_api.patch(ME, body)
    assert answer.status == 200
    attributes = {"username": "alicia", "email": "a@new.example", "timeZone": "Europe/Paris"}
    assert answer.body == {"data": {"id": alice.pk, "type": "user", "attributes": attributes}}
    assert alice_api.get(ME).data["attributes"] == attributes | {"admin": False, "hasAcceptedTos": True}


def test_what_is_null_or_absent_stays(alice_api):
    body = {"user": {"email": None, "username": None, "timeZone": None}}
    assert alice_api.patch(ME, body).data["attributes"] == {
        "username": "alice",
        "email": "alice@example.com",
        "timeZone": "UTC",
    }


def test_a_profile_keeps_its_own_name_and_address(alice_api):
    body = {"username": "alice", "email": "ALICE@example.com"}
    assert alice_api.patch(ME, body).data["attributes"]["email"] == "ALICE@example.com"


def test_nothing_else_is_changed(alice, alice_api):
    body = {
        "user": {
            "admin": True,
            "isStaff": True,
            "password": "x",
            "id": 7,
            "activatedAt": None,
            "email": "n@x",
        }
    }
    assert alice_api.patch(ME, body).status == 200
    stored = User.objects.get()
    assert (stored.pk, stored.is_staff, stored.password) == (alice.pk, False, alice.password)


@pytest.mark.parametrize(
    "body", [{}, {"user": {}}, {"user": None}, {"user": "x"}, {"user": []}, {"unknown": 1}]
)
def test_an_empty_wrapper_is_missing(alice_api, body):
    assert alice_api.patch(ME, body).refused == (422, [("parameter_missing", "/user")])


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"email": ""}, [("blank", "/user/email")]),
        ({"email": "nobody"}, [("invalid", "/user/email")]),
        ({"email": "BOB@example.com"}, [("taken", "/user/email")]),
        ({"username": ""}, [("invalid", "/user/username")]),
        ({"username": "Alice"}, [("invalid", "/user/username")]),
        ({"username": "bob"}, [("taken", "/user/username")]),
        ({"username": "tasks"}, [("exclusion", "/user/username")]),
        ({"username": "a" * 26}, [("too_long", "/user/username")]),
        ({"timeZone": ""}, [("invalid", "/user/time_zone")]),
        ({"timeZone": "Mars/Olympus"}, [("invalid", "/user/time_zone")]),
        ({"timeZone": "../../etc/passwd"}, [("invalid", "/user/time_zone")]),
        ({"timeZone": "US/Pacific-New"}, [("invalid", "/user/time_zone")]),
        ({"timeZone": 5}, [("invalid", "/user/time_zone")]),
        (
            {"email": "x", "username": "X", "timeZone": "X"},
            [("invalid", "/user/email"), ("invalid", "/user/username"), ("invalid", "/user/time_zone")],
        ),
    ],
)
def test_all_that_breaks_a_rule_is_told_at_once_and_nothing_is_stored(alice, bob, alice_api, change, errors):
    assert alice_api.patch(ME, {"user": change}).refused == (422, errors)
    stored = User.objects.get(pk=alice.pk)
    assert (stored.email, stored.username, stored.time_zone) == (alice.email, "alice", "UTC")


def test_every_name_of_the_iana_data_is_a_time_zone(alice_api):
    odd = ["UTC", "Etc/GMT+12", "US/Pacific", "Asia/Calcutta", "EST", "Asia/Kathmandu", "GMT", "Zulu"]
    assert set(odd) <= time_zones()
    for name in odd:
        assert alice_api.patch(ME, {"timeZone": name}).data["attributes"]["timeZone"] == name


def test_tasks_are_shown_in_every_time_zone(alice):
    task = Task(user=alice, created_at=datetime(2017, 1, 20, 23, 59, 59, 999_999, UTC))
    for name in time_zones():
        alice.time_zone = name
        shown = task_shape(task, alice)["attributes"]["created_at"]
        assert (shown[-1] == "Z") == (name == "UTC")
        assert datetime.fromisoformat(shown) == datetime(2017, 1, 20, 23, 59, 59, 999_000, UTC)


def test_nobody_changes_no_profile(nobody):
    assert nobody.patch(ME, {"email": "a@b"}).refused == UNAUTHORIZED


def test_terms_come_before_the_body(alice_api, unaccepted_terms):
    assert alice_api.patch(ME, {}).refused == (403, [("tos_not_accepted", None)])


def test_a_pending_user_changes_no_profile(pending):
    assert Api(pending).patch(ME, {}).refused == (403, [("user_inactive", "/user")])


# DELETE


def test_an_account_goes_with_all_that_is_its_own(alice, bob, announced):
    Project.objects.create(user=alice, name="one")
    Task.objects.create(user=alice, label="two", project=Project.objects.get())
    kept = Task.objects.create(user=bob, label="three")
    other = Api(alice)
    with announced() as heard:
        answer = Api(alice, sudo=True).delete(ME)
    assert (answer.status, answer.body) == (204, None)
    assert heard == []
    assert list(Task.objects.all()) == [kept]
    assert not Project.objects.exists()
    assert list(User.objects.all()) == [bob]
    assert other.get(ME).refused == UNAUTHORIZED


def test_the_cable_hears_of_the_end(alice, django_capture_on_commit_callbacks):
    asking = Api(alice, sudo=True)
    pk, heard = alice.pk, []

    def hear(user_id, keys, **_):
        heard.append((user_id, keys))

    access_ended.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            asking.delete(ME)
    finally:
        access_ended.disconnect(hear)
    assert (pk, None) in heard


def test_an_active_account_is_deleted_with_sudo_alone(alice_api):
    assert alice_api.delete(ME).refused == (403, [("sudo_required", None)])
    assert User.objects.exists()


def test_a_pending_account_is_deleted_without(pending, unaccepted_terms):
    assert Api(pending).delete(ME).status == 204
    assert not User.objects.exists()


def test_nobody_deletes_nothing(nobody):
    assert nobody.delete(ME).refused == UNAUTHORIZED


@pytest.mark.django_db(transaction=True)
def test_a_deletion_amid_other_requests_crashes_none_of_them(alice):
    create = partial(task_create, user=alice, label="buy tea", project_id=None, dates={})
    log_in = partial(services.log_in, name="alice", password="secret", sudo=False)
    accept = partial(services.accept_terms, user=User.objects.get())
    answers = together([create, create, log_in, accept, partial(services.delete_user, user=alice), create])
    assert not [a for a in answers if isinstance(a, Exception) and not isinstance(a, ApiError)]
    assert not User.objects.exists()
    assert not Task.objects.exists()
    assert not AccessToken.objects.exists()


# Terms


def test_accepting_records_the_current_terms(alice, alice_api, unaccepted_terms):
    assert alice_api.post("tasks", {}).status == 404
    assert alice_api.post("users/me/tasks", {"label": "x"}).status == 403
    answer = alice_api.post("users/me/terms_of_services", None)
    assert answer.status == 200
    assert answer.body == {"data": {"id": alice.pk, "type": "user", "attributes": {"hasAcceptedTos": True}}}
    assert User.objects.get().accepted_terms == unaccepted_terms
    assert alice_api.post("users/me/tasks", {"label": "x"}).status == 201


def test_accepting_where_there_are_no_terms_is_no_error(alice_api):
    assert alice_api.post("users/me/terms_of_services", {}).data["attributes"] == {"hasAcceptedTos": True}


def test_the_body_of_an_acceptance_is_ignored(alice_api, unaccepted_terms):
    for body in [*NOT_JSON, *NOT_OBJECTS]:
        assert alice_api.post("users/me/terms_of_services", body).status == 200


def test_users_outlive_the_terms_they_accepted(alice, alice_api, unaccepted_terms):
    alice_api.post("users/me/terms_of_services", {})
    unaccepted_terms.delete()
    assert User.objects.get().accepted_terms is None
    assert alice_api.get(ME).data["attributes"]["hasAcceptedTos"] is True


def test_nobody_accepts_nothing(nobody):
    assert nobody.post("users/me/terms_of_services", {}).refused == UNAUTHORIZED


# Features


def test_features_are_those_on_for_me(alice, alice_api, bob_api, unaccepted_terms):
    Flag.objects.all().delete()
    Flag.objects.create(name="for_all", everyone=True)
    Flag.objects.create(name="for_none", everyone=False).users.add(alice)
    Flag.objects.create(name="for_alice").users.add(alice)
    group = Group.objects.create(name="friends")
    group.user_set.add(alice)
    Flag.objects.create(name="for_friends").groups.add(group)
    Flag.objects.create(name="for_the_signed_in", authenticated=True)
    Flag.objects.create(name="off")
    assert alice_api.get("users/me/features").body == {
        "data": [
            {"id": name, "type": "feature"}
            for name in ("for_alice", "for_all", "for_friends", "for_the_signed_in")
        ]
    }
    assert [f["id"] for f in bob_api.get("users/me/features").data] == ["for_all", "for_the_signed_in"]


def test_nobody_has_features(nobody):
    assert nobody.get("users/me/features").refused == UNAUTHORIZED


# All of them


@pytest.mark.parametrize("path", [ME, "users/me/terms_of_services", "users/me/features"])
def test_no_twisted_body_crashes_the_server(alice_api, path):
    for body in [*NOT_JSON, *NOT_OBJECTS, *twisted("user", ["email", "username", "time_zone"])]:
        for verb in ("GET", "PATCH", "POST"):
            assert alice_api.call(verb, path, body).status < 500


@pytest.mark.parametrize(
    ("path", "verbs"),
    [
        (ME, ("POST", "PUT")),
        ("users/me/terms_of_services", ("GET", "PUT", "PATCH", "DELETE")),
        ("users/me/features", ("POST", "PUT", "PATCH", "DELETE")),
    ],
)
def test_other_verbs_are_missing_endpoints(alice_api, path, verbs):
    for verb in verbs:
        assert alice_api.call(verb, path).refused == (404, [("missing_endpoint", None)])

"""
The right to a socket ends when the right ends: whatever ends it, the sockets that stand on it are told and
closed, on every process, and hear nothing after. Nobody else's are touched.
"""

import threading
import time
from contextlib import ExitStack

import pytest

from tests.support.admin import admin_of
from tests.support.site import Person, new_site
from tests.support.waiting import eventually

REMOTE = {"type": "disconnect", "reason": "remote", "reconnect": False}
UNAUTHORIZED = {"type": "disconnect", "reason": "unauthorized", "reconnect": False}

# It takes some milliseconds, and the promise is a second; the rest is for a machine that is busy.
SECONDS = 3


@pytest.fixture
def opened():
    """opened(server, person): a subscribed socket, closed with the test."""
    with ExitStack() as stack:

        def opening(server, person, **options):
            socket = stack.enter_context(server.connect(person, **options))
            socket.subscribe()
            return socket

        yield opening


def another_token(site, person):
    token = site.shell(
        f"from lessy.accounts import tokens; from lessy.accounts.models import User\n"
        f"result = tokens.issue(User.objects.get(pk={person.pk}), lifetime=timedelta(hours=1))"
    )
    return Person(person.pk, person.username, token)


def row_of(site, person):
    """The primary key of the row of the person's token."""
    return site.shell(
        f"import jwt; from lessy.accounts.models import AccessToken\n"
        f"claims = jwt.decode({person.token!r}, options={{'verify_signature': False}})\n"
        f"result = AccessToken.objects.get(key=claims['jti']).pk"
    )


def create_task(site, person):
    """While Redis may be away, which new_task would wait for."""
    site.shell(f"result = Task.objects.create(user_id={person.pk}, label='after the decision').pk")


def assert_ended(sockets, frame=REMOTE, seconds=SECONDS):
    """All of them within so many seconds."""
    deadline = time.monotonic() + seconds
    for socket in sockets:
        assert socket.frame(max(0, deadline - time.monotonic())) == frame
        assert socket.close_code(max(0, deadline - time.monotonic())) == 1000


def revoke_on_its_page(site, server, person):
    with admin_of(site, server) as admin:
        admin.submit(f"/admin/accounts/accesstoken/{row_of(site, person)}/change/", _revoke="Revoke")


def revoke_in_the_list(site, server, person):
    with admin_of(site, server) as admin:
        chosen = [row_of(site, person)]
        admin.submit("/admin/accounts/accesstoken/", action="revoke", _selected_action=chosen)


def delete_its_row(site, server, person):
    with admin_of(site, server) as admin:
        admin.submit(f"/admin/accounts/accesstoken/{row_of(site, person)}/delete/")


def sign_out(site, server, person):
    assert server.request("DELETE", "/api/users/authorizations", person).status_code == 204


@pytest.mark.parametrize("end", [revoke_on_its_page, revoke_in_the_list, delete_its_row, sign_out])
def test_the_sockets_of_a_token_end_with_it_and_no_others(
    site, server, other_server, cooper, audrey, opened, end
):
    theirs = [opened(server, cooper), opened(other_server, cooper)]
    bystanders = [opened(other_server, another_token(site, cooper)), opened(server, audrey)]
    end(site, server, cooper)
    task = site.new_task(cooper)
    assert_ended(theirs)
    assert bystanders[0].message() == {"action": "create#tasks", "id": task}
    for socket in bystanders:
        socket.assert_nothing_came()


def sign_out_everywhere(site, server, person):
    assert server.request("DELETE", "/api/users/authorizations?all=true", person).status_code == 204


def change_the_password(site, server, person):
    with admin_of(site, server) as admin:
        passwords = {"password1": "a new s3cret", "password2": "a new s3cret", "usable_password": "true"}
        admin.submit(f"/admin/accounts/user/{person.pk}/password/", **passwords)


def deactivate(site, server, person):
    with admin_of(site, server) as admin:
        admin.submit(f"/admin/accounts/user/{person.pk}/change/", is_active=None)


def delete_the_user(site, server, person):
    with admin_of(site, server) as admin:
        admin.submit(f"/admin/accounts/user/{person.pk}/delete/")


@pytest.mark.parametrize("end", [sign_out_everywhere, change_the_password, deactivate, delete_the_user])
def test_all_sockets_of_a_user_end_with_their_rights_and_nobody_elses(
    site, server, other_server, cooper, audrey, opened, end
):
    theirs = [opened(server, cooper), opened(other_server, another_token(site, cooper))]
    bystander = opened(other_server, audrey)
    end(site, server, cooper)
    assert_ended(theirs)
    task = site.new_task(audrey)
    assert bystander.message() == {"action": "create#tasks", "id": task}
    with server.connect(cooper, welcomed=False) as refused:
        assert refused.frame() == UNAUTHORIZED


def test_a_socket_ends_when_its_token_expires(site, server, other_server, opened):
    person = site.new_person(lifetime=8)
    sockets = [opened(server, person), opened(other_server, person)]
    later = opened(server, another_token(site, person))
    assert_ended(sockets, UNAUTHORIZED, seconds=8 + SECONDS)
    task = site.new_task(person)
    assert later.message() == {"action": "create#tasks", "id": task}


def test_the_users_that_an_operator_chooses_are_disconnected(
    site, server, other_server, cooper, audrey, opened
):
    theirs = [opened(server, cooper), opened(other_server, cooper)]
    bystander = opened(server, audrey)
    with admin_of(site, server) as admin:
        admin.submit("/admin/accounts/user/", action="disconnect_clients", _selected_action=[cooper.pk])
    assert_ended(theirs, REMOTE | {"reconnect": True})
    bystander.assert_nothing_came()


def test_while_redis_is_down_sockets_end_within_the_reconcile_interval(new_redis, opened):
    """And before the reconcile tells anybody what else changed."""
    with new_site(new_redis, servers=2, DJANGO_SETTINGS_MODULE="tests.support.brisk_settings") as site:
        server, other_server = site.servers
        cooper, audrey = site.new_person(), site.new_person()
        theirs = [opened(server, cooper), opened(other_server, cooper)]
        bystander = opened(other_server, audrey)
        new_redis.kill()
        deactivate(site, server, cooper)
        create_task(site, cooper)
        assert_ended(theirs[:1])  # of the process that did it, which needs no Redis for that
        assert_ended(theirs[1:], UNAUTHORIZED, seconds=2 + SECONDS)
        bystander.assert_nothing_came()


def test_when_redis_is_back_those_without_a_right_hear_nothing_of_what_was_missed(new_redis, opened):
    """The catch-up must not come before the end. No reconcile helps here: it is 30 s away."""
    with new_site(new_redis) as site:
        [server], cooper = site.servers, site.new_person()
        sockets = [opened(server, cooper) for _ in range(3)]
        new_redis.kill()
        # Without a signal, so that only the tables know of it.
        site.shell(
            "from lessy.accounts.models import AccessToken\n"
            f"AccessToken.objects.filter(user_id={cooper.pk}).update(revoked_at=timezone.now())"
        )
        create_task(site, cooper)
        new_redis.start()
        assert_ended(sockets, UNAUTHORIZED, seconds=15)


def test_a_handshake_that_is_under_way_when_its_token_is_revoked_is_refused(site, cooper, tmp_path):
    server = site.serve(
        DJANGO_SETTINGS_MODULE="tests.support.hooks.settings",
        LESSY_TEST_HOOK="held_authentication",
        LESSY_TEST_FOLDER=str(tmp_path),
    )
    # Before it has joined its groups the word would not reach it, and its first catch-up would end the right.
    eventually(lambda: server.request("GET", "/health/ready").status_code == 200)
    with server.connect(cooper) as witness:
        (tmp_path / "hold").touch()
        answers = []

        def connect():
            with server.connect(cooper, welcomed=False) as socket:
                answers.append((socket.frame(30), socket.close_code()))

        handshake = threading.Thread(target=connect)
        handshake.start()
        eventually((tmp_path / "held").exists)
        sign_out(site, server, cooper)
        # The word of it has reached this process.
        assert witness.frame() == REMOTE
        (tmp_path / "hold").unlink()
        handshake.join()
    assert answers == [(UNAUTHORIZED, 1000)]


@pytest.mark.parametrize("words", [["--user", "nobody"], []])
def test_an_operator_is_told_of_a_user_that_is_not_there(site, words):
    with pytest.raises(AssertionError) as failed:
        site.manage("cable_disconnect", *words)
    assert "Traceback" not in str(failed.value)
    assert "nobody" in str(failed.value) or "--user" in str(failed.value)

"""Whoever changes a task or a project, by whatever way, every open client of its owner hears of it."""

import pytest

from tests.support.admin import admin_of


@pytest.fixture
def socket(server, cooper):
    """Of Cooper, subscribed, on the first server."""
    with server.connect(cooper) as found:
        found.subscribe()
        yield found


def test_a_change_through_the_api_of_another_server_is_heard(socket, other_server, cooper):
    answer = other_server.request("POST", "/api/users/me/tasks", cooper, json={"task": {"label": "buy tea"}})
    assert answer.status_code == 201, answer.text
    pk = answer.json()["data"]["id"]
    assert socket.message() == {"action": "create#tasks", "id": int(pk)}


def test_a_change_through_the_admin_form_of_another_server_is_heard(site, socket, other_server, cooper):
    task = site.new_task(cooper)
    assert socket.message() == {"action": "create#tasks", "id": task}
    with admin_of(site, other_server) as admin:
        admin.submit(f"/admin/tasks/task/{task}/change/", label="drink coffee")
    assert site.shell(f"Task.objects.get(pk={task}).label") == "drink coffee"
    assert socket.message()["action"] == "update#tasks"


def test_a_change_in_a_shell_is_heard_even_as_the_shell_exits(site, socket, cooper):
    site.manage("shell", "-c", f"Task.objects.create(user_id={cooper.pk}, label='x')")
    assert socket.message()["action"] == "create#tasks"


def test_a_cascade_is_heard(site, socket, other_server, cooper):
    project, tasks = site.shell(
        f"""
project = Project.objects.create(user_id={cooper.pk}, name="Twin Peaks")
tasks = [Task.objects.create(user_id={cooper.pk}, label="x", project=project).pk for _ in range(3)]
result = project.pk, tasks
"""
    )
    for _ in range(4):
        socket.frame()
    body = {"project": {"state": "started", "dueAt": "2030-01-01T00:00:00Z"}}
    answer = other_server.request("PUT", f"/api/projects/{project}/state", cooper, json=body)
    assert answer.status_code < 300, answer.text
    heard = [socket.message() for _ in range(4)]
    assert {(each["action"], each["id"]) for each in heard} == {
        ("update#projects", project),
        *(("update#tasks", task) for task in tasks),
    }


def test_an_update_carries_its_time_in_whole_seconds(site, socket, cooper):
    task = site.new_task(cooper)
    socket.frame()
    updated_at = site.touch(task)
    assert socket.message() == {"action": "update#tasks", "id": task, "updatedAt": updated_at}


def test_a_changed_order_is_not_announced(site, socket, server, cooper):
    tasks = [site.new_task(cooper) for _ in range(2)]
    for _ in tasks:
        socket.frame()
    body = {"task": {"order": 1}}
    answer = server.request("PUT", f"/api/tasks/{tasks[0]}/order", cooper, json=body)
    assert answer.status_code < 300, answer.text
    last = site.new_task(cooper)
    assert socket.message() == {"action": "create#tasks", "id": last}


def test_another_user_never_hears_of_it(site, server, cooper, audrey):
    with server.connect(audrey) as hers:
        hers.subscribe()
        site.new_task(cooper)
        own = site.new_task(audrey)
        assert hers.message() == {"action": "create#tasks", "id": own}


def test_a_client_that_refetches_at_once_always_sees_the_row(site, socket, server, cooper):
    for _ in range(20):
        site.new_task(cooper)
        pk = socket.message()["id"]
        assert server.request("GET", f"/api/tasks/{pk}", cooper).status_code == 200


def test_what_is_rolled_back_is_not_heard(site, socket, cooper):
    site.shell(
        f"""
try:
    with transaction.atomic():
        Task.objects.create(user_id={cooper.pk}, label="undone")
        raise LookupError
except LookupError:
    pass
"""
    )
    kept = site.new_task(cooper)
    assert socket.message() == {"action": "create#tasks", "id": kept}

import pytest
from django.urls import reverse

from tasks.models import Task
from tests.clocks import later_second
from tests.projects.conftest import project_in

pytestmark = pytest.mark.django_db
ADD = reverse("admin:tasks_task_add")


def change_of(task: Task) -> str:
    return reverse("admin:tasks_task_change", args=[task.pk])


def test_the_list_shows_searches_and_filters(admin_client, new_task):
    new_task("planned", label="buy tea")
    new_task("started", label="drink tea")
    page = admin_client.get(reverse("admin:tasks_task_changelist"), {"q": "tea", "state": "planned"})
    assert "buy tea" in page.content.decode()
    assert "drink tea" not in page.content.decode()


def test_a_change_is_saved_and_announced_like_any_other(admin_client, new_task, announced):
    task = new_task("planned")
    with announced() as heard:
        assert admin_client.post(change_of(task), {"label": "sleep"}).status_code == 302
    stored = Task.objects.get()
    assert (stored.label, stored.state, stored.order) == ("sleep", "planned", task.order)
    assert later_second(stored.updated_at, task.updated_at)
    assert heard == [(Task, task.pk, False)]


def test_a_task_that_gets_a_project_follows_it(admin_client, new_task, new_project):
    task = new_task("started")
    admin_client.post(change_of(task), {"label": "sleep", "project": new_project("paused").pk})
    assert Task.objects.values_list("state", "started_at").get() == ("newed", None)


def test_the_project_of_another_user_is_refused(admin_client, new_task, bob):
    task = new_task()
    answer = admin_client.post(change_of(task), {"label": "sleep", "project": project_in(bob, "started").pk})
    assert "belongs to another user" in answer.content.decode()
    assert Task.objects.get().project is None


def test_state_order_and_owner_are_not_for_the_form(admin_client, new_task, bob):
    task = new_task("planned")
    admin_client.post(change_of(task), {"label": "x", "state": "finished", "order": 9, "user": bob.pk})
    stored = Task.objects.get()
    assert (stored.state, stored.order, stored.user) == ("planned", 1, task.user)


def test_a_task_is_added_after_all_others(admin_client, alice, new_task):
    new_task(order=4)
    assert admin_client.get(ADD).status_code == 200
    admin_client.post(ADD, {"user": alice.pk, "label": "sleep"})
    assert Task.objects.values_list("order", "state").get(label="sleep") == (5, "started")

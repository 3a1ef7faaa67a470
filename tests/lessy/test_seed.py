import pytest
from django.core.management import CommandError, call_command

from lessy.accounts.models import User
from projects.models import Project
from projects.transitions import STATES as PROJECT_STATES
from tasks.models import Task
from tasks.transitions import STATES as TASK_STATES

pytestmark = pytest.mark.django_db


@pytest.fixture
def seeded(settings):
    settings.DEBUG = True
    call_command("seed", verbosity=0)


def test_both_demo_users_are_activated_and_have_the_password_secret(seeded):
    users = User.objects.order_by("username")
    assert [user.username for user in users] == ["audreyhorne", "dalecooper"]
    assert all(user.activated_at and user.check_password("secret") for user in users)


def test_only_dalecooper_is_an_admin(seeded):
    assert [user.username for user in User.objects.filter(is_staff=True, is_superuser=True)] == ["dalecooper"]


def test_there_is_a_project_of_each_state_and_a_task_of_each(seeded):
    cooper = User.objects.get(username="dalecooper")
    assert set(cooper.projects.values_list("state", flat=True)) == set(PROJECT_STATES)
    assert set(cooper.tasks.values_list("state", flat=True)) == set(TASK_STATES)
    assert User.objects.get(username="audreyhorne").tasks.exists()


def test_what_is_planted_keeps_the_rules(seeded):
    for row in (*Project.objects.all(), *Task.objects.all()):
        row.full_clean()


def test_a_second_run_changes_nothing(seeded):
    before = [list(model.objects.values()) for model in (User, Project, Task)]
    call_command("seed", verbosity=0)
    assert [list(model.objects.values()) for model in (User, Project, Task)] == before


def test_without_debug_it_refuses(settings):
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("seed")
    assert not User.objects.exists()

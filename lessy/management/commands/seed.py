from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from lessy.accounts.demo import PASSWORD, USERNAME
from lessy.accounts.models import User
from projects.models import Project
from projects.services import project_change_state, project_create, project_update
from tasks.models import Task
from tasks.services import task_change_state, task_create


class Command(BaseCommand):
    help = "Creates the demo users dalecooper (an admin) and audreyhorne, with projects and tasks."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(
                "seed creates users with a known password: it refuses to run when DEBUG is off"
            )
        for username, plant in ((USERNAME, _plant_cooper), ("audreyhorne", _plant_audrey)):
            if User.objects.filter(username=username).exists():
                self.stdout.write(f"{username} exists: left alone")
                continue
            plant(_create_user(username))
            self.stdout.write(f"{username} created, with the password {PASSWORD}")


def _create_user(username: str) -> User:
    user = User(username=username, email=f"{username}@example.com", activated_at=timezone.now())
    user.set_password(PASSWORD)
    user.save()
    return user


def _plant_cooper(user: User) -> None:
    user.is_staff = user.is_superuser = True
    user.save()
    murder = _start(_project(user, "Find out who killed Laura Palmer", "Through plastic, *wrapped*."))
    _task(user, "Interview the Log Lady", murder, "planned")
    _task(user, "Decode the dream", murder, "started")
    _task(user, "Search the train wagon", murder, "planned", "finished")
    _task(user, "Suspect Leo Johnson", murder, "abandoned")
    _project(user, "Taste every cherry pie of Washington", "Bring coffee.")
    birds = _start(_project(user, "Learn the birds of the Northwest", ""))
    _task(user, "Listen to Waldo", birds)
    project_change_state(project=birds, state="paused")
    fishing = _start(_project(user, "Learn to fly fish", ""))
    project_change_state(project=fishing, state="finished", finished_at=timezone.now())
    _task(user, "Dictate a tape to Diane", None, "planned")
    _task(user, "Drink a damn fine cup of coffee", None, "planned", "finished")


def _plant_audrey(user: User) -> None:
    perfume = _start(_project(user, "Work at the perfume counter", ""))
    _task(user, "Ask about One Eyed Jacks", perfume, "planned")
    _project(user, "Dance", "The music is so *dreamy*.")
    _task(user, "Leave a note for the special agent")


def _project(user: User, name: str, description: str) -> Project:
    project = project_create(user=user, name=name)
    return project_update(project=project, changes={"description": description})


def _start(project: Project) -> Project:
    due_at = timezone.now() + timedelta(days=14)
    return project_change_state(project=project, state="started", due_at=due_at)


def _task(user: User, label: str, project: Project | None = None, *states: str) -> None:
    """A task that is taken from its initial state through these states."""
    task: Task = task_create(user=user, label=label, project_id=project.pk if project else None, dates={})
    for state in states:
        if state != task.state:
            task_change_state(task=task, state=state)

"""
The module that the workers of rq, Celery and uWSGI import: a job that saves a task. How the process ends
after it is up to the worker.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lessy.settings")

app = Celery("workers", broker=os.environ.get("REDIS_URL"))


def save(user_id: int) -> int:
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from tasks.models import Task

    return int(Task.objects.create(user_id=user_id, label="of a worker").pk)


@app.task(ignore_result=True)  # type: ignore[untyped-decorator]
def save_in_celery(user_id: int) -> None:
    save(user_id)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The WSGI application for uWSGI. The save below runs in the master process, before it forks."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(save(int(environ["QUERY_STRING"]))).encode()]


if before := os.environ.get("LESSY_TEST_SAVE_BEFORE_FORK"):
    save(int(before))

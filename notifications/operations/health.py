"""
Health checks, as views for any URLconf. JSON, without secrets.

    urlpatterns = [path("health/live", live), path("health/ready", ready)]
"""

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, JsonResponse

from ..hub.current import current_hub
from ..hub.health import database_answers


async def live(request: HttpRequest) -> JsonResponse:
    """The process answers."""
    return JsonResponse({"status": "ok"})


async def ready(request: HttpRequest) -> JsonResponse:
    """
    The process is healthy: 200. Or 503 while the database or the broker does not answer, while a task of the
    hub is down, while the process drains, and while its passes over the tables are late: what Redis loses is
    not delivered then. A WSGI process has no sockets: only its database is checked.
    """
    # Under WSGI a hub made here would end with the loop that Django makes for this one call.
    state, more = await _of_the_hub() if isinstance(request, ASGIRequest) else await _of_a_process_without()
    healthy = all(state.values())
    status = "ok" if healthy else "unavailable"
    return JsonResponse({"status": status, **state, **more}, status=200 if healthy else 503)


async def _of_the_hub() -> tuple[dict[str, bool], dict[str, Any]]:
    hub = current_hub()
    state = {
        "database": await hub.health.database_answers(),
        "broker": await hub.health.broker_answers(),
        "certain": hub.health.is_certain,
        "tasks": hub.health.tasks_run,
        "accepting": not hub.draining,
    }
    return state, {"reconciled_age_seconds": round(hub.catch_up.age, 1)}


async def _of_a_process_without() -> tuple[dict[str, bool], dict[str, Any]]:
    return {"database": await database_answers()}, {}

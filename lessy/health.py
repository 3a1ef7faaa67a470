"""
/health/live: the process answers. /health/ready: it can do its work. As JSON, and without secrets.
"""

from django.http import HttpRequest, JsonResponse

from notifications.hub import current_hub


async def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


async def ready(request: HttpRequest) -> JsonResponse:
    """503 while the database or the broker does not answer, and while the process drains."""
    hub = current_hub()
    state = {
        "database": await hub.database_answers(),
        "broker": await hub.broker_answers(),
        "accepting": not hub.draining,
    }
    healthy = all(state.values())
    return JsonResponse(
        {"status": "ok" if healthy else "unavailable", **state}, status=200 if healthy else 503
    )

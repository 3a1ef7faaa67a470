"""
The cable as ASGI applications: for websockets, under "websocket" in a ProtocolTypeRouter; for Server-Sent
Events, around the project's own application under "http"; or as a whole one, for a process beside those that
serve the project's HTTP.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from importlib.util import find_spec
from io import BytesIO
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import Http404, HttpRequest, HttpResponse

from .consumers import CableConsumer
from .event_streams import event_stream
from .ground.limits import seldom
from .ground.metrics import metrics
from .handshake.middleware import AddressGuard, Application, HostGuard, OriginGuard, Visitors
from .handshake.paths import path_below_the_root, root_of
from .handshake.subprotocol_token import conceal
from .operations.health import live, ready
from .server.threads import takes_no_thread

logger = logging.getLogger(__name__)

PATHS = ("/cable", "/cable/")
EVENTS_PATHS = ("/cable/events", "/cable/events/")

# The limits of an address count websockets and streams together.
_visitors = Visitors()


def cable_application(paths: Collection[str] = PATHS) -> Application:
    """Answers on these paths, and refuses (HTTP 403) any other, where Channels' URLRouter would raise."""
    guarded = _guarded(CableConsumer.as_asgi())

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            if path_below_the_root(scope) in paths:
                await guarded(scope, receive, send)
            else:
                await _refuse(scope, paths, send)
        finally:
            conceal(scope)  # again: for a handshake that did not reach a consumer

    return application


def cable_events(application: Application, paths: Collection[str] = EVENTS_PATHS) -> Application:
    """Server-Sent Events on these paths; every other HTTP request goes to the application."""
    guarded = _guarded(event_stream)
    # A stream waits for the hub, and never runs on a thread for requests.
    takes_no_thread(paths)

    async def events(scope: dict[str, Any], receive: Any, send: Any) -> None:
        is_stream = scope["type"] == "http" and path_below_the_root(scope) in paths
        await (guarded if is_stream else application)(scope, receive, send)

    return events


def _guarded(application: Application) -> Application:
    return AddressGuard(HostGuard(OriginGuard(application)), _visitors)


async def _refuse(scope: Mapping[str, Any], paths: Collection[str], send: Any) -> None:
    metrics.count("handshakes:path")
    if (also := seldom.left_out("path")) is not None:
        expected = " or ".join(root_of(scope) + path for path in paths)
        logger.warning("refused a handshake at %.200r: the cable is at %s%s", scope["path"], expected, also)
    await send({"type": "websocket.close"})


def cable_only_application(paths: Collection[str] = PATHS) -> Application:
    """
    The cable on these paths, its streams on the same with /events, and the endpoints for operators:
    /health/live, /health/ready and, with prometheus_client installed and CABLE["METRICS_TOKEN"], /metrics.
    Anything else is 404: neither the project's URLs nor its middleware are used.
    """
    cable = cable_application(paths)
    views = _operators_views()

    async def operators(scope: dict[str, Any], receive: Any, send: Any) -> None:
        view = views.get(path_below_the_root(scope), _nothing)
        await _send_response(await _answer(view, scope), send)

    bare = {path.rstrip("/") for path in paths}
    events = cable_events(operators, [f"{path}/events{slash}" for path in bare for slash in ("", "/")])

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        await (cable if scope["type"] == "websocket" else events)(scope, receive, send)

    return application


View = Callable[[HttpRequest], Awaitable[HttpResponse]]


def _operators_views() -> dict[str, View]:
    views: dict[str, View] = {"/health/live": live, "/health/ready": ready}
    if find_spec("prometheus_client"):
        from .operations.prometheus import metrics_view

        views["/metrics"] = metrics_view
    return views


async def _nothing(request: HttpRequest) -> HttpResponse:
    raise Http404


async def _answer(view: View, scope: dict[str, Any]) -> HttpResponse:
    if scope["method"] not in ("GET", "HEAD"):
        view = _nothing
    try:
        return await view(ASGIRequest(scope, BytesIO()))
    except Http404:
        text = "This process serves the cable and its health checks only.\n"
        return HttpResponse(text, status=404, content_type="text/plain")


async def _send_response(response: HttpResponse, send: Any) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.items()]
    headers.append((b"Content-Length", str(len(response.content)).encode()))
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})

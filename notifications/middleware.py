"""
For settings.MIDDLEWARE, if clients load their state over HTTP and are notified of changes by the cable:

    MIDDLEWARE = [..., "sync_cable.middleware.cable_middleware"]

Cable-Position, a header of every answer: from when on changes may be missing in it. A subscription with it
({"channel": "NotificationsChannel", "position": "…"}) starts exactly there, whatever the client's clock.

X-Cable-Client, a header of requests: the name of the client, which is then not notified at once of its own
changes. The identifier of its subscription has the same name ("client": "…"). A name is 1 to 64 of the
characters A-Z a-z 0-9 _ . : -; any other value is ignored.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from .changes.history import microseconds_now
from .changes.position import is_known, position
from .ground.echo import changes_of, name_of
from .ground.limits import seldom

logger = logging.getLogger(__name__)

CLIENT = "X-Cable-Client"
POSITION = "Cable-Position"

Answer = HttpResponseBase | Awaitable[HttpResponseBase]


@dataclass(frozen=True, slots=True)
class CableDetails:
    """
    request.cable. client: the client's name in the request; "" for none. began_at: when the request came, in
    microseconds since the epoch.
    """

    client: str
    began_at: int

    @property
    def position(self) -> str:
        """For a page whose template contains the state. Raises what the database does."""
        return position(self.began_at)


@sync_and_async_middleware
def cable_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Answer]:
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponseBase:
            details = _attach(request)
            with changes_of(details.client):
                response = cast(HttpResponseBase, await get_response(request))
            if is_known():
                _say_position(response, details)
            else:
                await sync_to_async(_say_position)(response, details)
            return response

        return answer_async

    def answer(request: HttpRequest) -> HttpResponseBase:
        details = _attach(request)
        with changes_of(details.client):
            response = cast(HttpResponseBase, get_response(request))
        _say_position(response, details)
        return response

    return answer


def _attach(request: HttpRequest) -> CableDetails:
    details = CableDetails(name_of(request.headers.get(CLIENT)), microseconds_now())
    request.cable = details  # type: ignore[attr-defined]
    return details


def _say_position(response: HttpResponseBase, details: CableDetails) -> None:
    """
    Unless the view has set it. Without a database there is none, and the answer is sent without the header.
    """
    if response.has_header(POSITION):
        return
    try:
        response[POSITION] = details.position
    except DatabaseError as exc:
        if (also := seldom.left_out("position")) is not None:
            logger.error("an answer has no %s: %s: %s%s", POSITION, type(exc).__name__, exc, also)

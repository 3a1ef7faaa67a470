"""
What changed, over HTTP: for clients without a websocket (a cron job, a waking phone, a widget, a test).

    path("cable/changes", sync_cable.views.changes)

GET …?position=<epoch>-<microseconds>, with the credentials of a socket:

    200 {"position": "…", "changes": [{"action": "update#tasks", "id": 23, "updatedAt": 1515248100}, …]}
    204 nothing changed            304 only the changes that the ETag in If-None-Match stands for
    401 not authenticated          403 a foreign origin         405 not GET        429 too many requests
    409 {"error": "refetch", …}    the position is refused: load your state again, and go on from "position"
    503 the database does not answer

Each answer except a refusal has the next position, also in the header Cable-Position. Without a position
there is nothing to replay: the answer has the position to begin from.
"""

import hashlib
import json
import logging
from collections.abc import Sequence

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from .changes.history import HistoryGone, TooMuchToReplay, changes_since, microseconds_now, resume_position
from .changes.position import position
from .changes.telling import heard_by, visible
from .conf import cable_settings
from .ground.limits import seldom
from .ground.metrics import metrics
from .handshake.by_http import Refused, admit, cross_origin_headers
from .middleware import POSITION
from .models import Epoch
from .wire.payloads import Key, key_of
from .wire.protocol import parse_position

logger = logging.getLogger(__name__)


@csrf_exempt
def changes(request: HttpRequest) -> HttpResponse:
    response = _preflight() if request.method == "OPTIONS" else _answer(request)
    for name, value in cross_origin_headers(request).items():
        response[name] = value
    response["Cache-Control"] = "no-store"
    return response


def _preflight() -> HttpResponse:
    response = HttpResponse(status=204)
    response["Access-Control-Allow-Methods"] = "GET"
    response["Access-Control-Allow-Headers"] = "Authorization, If-None-Match"
    return response


def _answer(request: HttpRequest) -> HttpResponse:
    if request.method not in ("GET", "HEAD"):
        return _error(405, "method_not_allowed", Allow="GET")
    try:
        admission = admit(request)
        return _since(heard_by(key_of(admission.user_id)), request)
    except Refused as refused:
        metrics.count(f"pulls:{refused.reason}")
        return _error(refused.status, refused.reason, **refused.headers)
    except DatabaseError as exc:
        if (also := seldom.left_out("pull")) is not None:
            logger.error("could not read what changed: %s: %s%s", type(exc).__name__, exc, also)
        return _error(503, "unavailable")


def _since(users: Sequence[Key], request: HttpRequest) -> HttpResponse:
    at = microseconds_now()
    following = position(at)
    try:
        found = _read(users, request.GET.get("position"), at)
    except (HistoryGone, TooMuchToReplay) as exc:
        metrics.count(f"history_rejected:{type(exc).__name__}")
        return _error(409, "refetch", position=following)
    metrics.count("pulls:answered")
    if not found:
        return _with_position(HttpResponse(status=204), following)
    listed = ",".join(found)
    tag = f'"{hashlib.sha256(listed.encode()).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == tag:
        response = HttpResponse(status=304)
    else:
        body = f'{{"position":{json.dumps(following)},"changes":[{listed}]}}'
        response = HttpResponse(body, content_type="application/json")
    response["ETag"] = tag
    return _with_position(response, following)


def _read(users: Sequence[Key], named: str | None, now: int) -> list[str]:
    """The notifications as JSON. Raises HistoryGone or TooMuchToReplay."""
    if named is None:
        return []
    wanted = parse_position(named)
    since = resume_position(wanted, epoch="" if wanted.malformed else Epoch.current(), now=now)
    if since is None:
        return []
    # The tables were read to the end when this position was given out, so it needs no lag.
    found = changes_since(users, since, limit=cable_settings().replay_limit)
    told = visible(list(found), users=users)
    return [change.payload for change in told if not change.kept_by.intersection(users)]


def _with_position(response: HttpResponse, following: str) -> HttpResponse:
    response[POSITION] = following
    return response


def _error(status: int, error: str, **more: str) -> HttpResponse:
    """more: headers, or "position", which is in the body as well."""
    following = more.pop("position", None)
    body = {"error": error} if following is None else {"error": error, "position": following}
    response = HttpResponse(json.dumps(body), status=status, content_type="application/json", headers=more)
    return response if following is None else _with_position(response, following)

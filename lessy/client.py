"""Serves the page of a client that was built elsewhere (LESSY_CLIENT_DIR). WhiteNoise serves its files."""

from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import re_path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import condition

# Paths of the server itself: a path below them that does not exist is a 404, not a page of the client.
OURS = ("api", "cable", "admin", "static", "health", "metrics", "docs")


def _page() -> Path:
    return Path(settings.LESSY_CLIENT_DIR or "") / "index.html"


def _etag(request: HttpRequest, **_: object) -> str:
    found = _page().stat()
    return f'"{found.st_mtime_ns:x}-{found.st_size:x}"'


def _last_modified(request: HttpRequest, **_: object) -> datetime:
    return datetime.fromtimestamp(_page().stat().st_mtime, UTC)


class IndexView(View):
    """Every path gets the same page, because the client does the routing. Browsers must revalidate it."""

    @method_decorator(condition(_etag, _last_modified))
    def get(self, request: HttpRequest) -> HttpResponse:
        answer = HttpResponse(_page().read_bytes())
        answer["Cache-Control"] = "no-cache"
        return answer


urlpatterns = [re_path(rf"^(?!(?:{'|'.join(OURS)})(?:/|$))", IndexView.as_view())]

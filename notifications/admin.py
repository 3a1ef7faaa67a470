"""
The page Cable: the state of this process and, through Redis, of all processes.

It is on the default site. Another AdminSite shows it once it is registered there too:

    backoffice.register(Cable, CableAdmin)
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, get_script_prefix, path, reverse
from django.views.decorators.http import require_POST

from .hub.current import running_hub
from .hub.state import process_name
from .models import Cable
from .operations.charts import charts
from .operations.inquiry import QUIET_SECONDS, Answer, BrokerAway, ask_processes, totals
from .operations.orders import disconnect_socket
from .operations.users import names_of
from .routing import PATHS
from .wire.payloads import Key

CONNECTIONS_SHOWN = 100
SOCKET_NAME_LENGTH = 300  # characters; a host name has at most 253

# The address of the page of a user, by their primary key; "" if there is none.
PageOf = Callable[[Key], str]


@admin.register(Cable)
class CableAdmin(admin.ModelAdmin):
    """
    One page, for users with the permission to view it; those who may change it, may disconnect. Stores
    nothing.
    """

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.changelist_view)
        disconnect = self.admin_site.admin_view(require_POST(self.disconnect_view))
        return [
            path("", page, name="sync_cable_cable_changelist"),
            path("disconnect/", disconnect, name="sync_cable_cable_disconnect"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        # With this the template finds the pages of this site, and not of the default one.
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": "Cable",
            "opts": self.opts,
            "may_disconnect": _may_disconnect(request),
            # The default path; without a cable there the page still stays up to date.
            "cable_path": f"{get_script_prefix().rstrip('/')}{PATHS[0]}",
            **_found(self._page_of),
        }
        return TemplateResponse(request, "sync_cable/cable.html", context)

    def disconnect_view(self, request: HttpRequest) -> HttpResponse:
        """POST with socket: the name of a connection, as the page lists it."""
        if not _may_disconnect(request):
            raise PermissionDenied
        name = request.POST.get("socket", "")
        if not name or len(name) > SOCKET_NAME_LENGTH:
            return HttpResponseBadRequest("socket: expected the name of a connection\n", "text/plain")
        report = async_to_sync(disconnect_socket)(name)
        if report.sockets:
            messages.success(request, f"Disconnected {name}. Its client may reconnect.")
        elif report.carried_out:
            messages.warning(request, f"{name} is not connected any more.")
        else:
            messages.error(request, f"Not certain: {report.problem}.")
        page = reverse("admin:sync_cable_cable_changelist", current_app=self.admin_site.name)
        return HttpResponseRedirect(page)

    def _page_of(self, user: Key) -> str:
        """ "" if this site has none."""
        opts = get_user_model()._meta
        name = f"admin:{opts.app_label}_{opts.model_name}_change"
        try:
            return reverse(name, args=[user], current_app=self.admin_site.name)
        except NoReverseMatch:
            return ""


def _may_disconnect(request: HttpRequest) -> bool:
    return request.user.has_perm("sync_cable.change_cable")


def _found(page_of: PageOf) -> dict[str, Any]:
    answers, away = async_to_sync(_ask)()
    total = totals(answers)
    sockets = sorted(
        (each for answer in answers for each in answer["sockets"]), key=lambda each: -each["opened_at"]
    )[:CONNECTIONS_SHOWN]
    names = names_of({user for user, _ in total["by_user"]} | {each["user"] for each in sockets})
    return {
        "away": away,
        "processes": [_shown(answer) for answer in answers],
        "total": total,
        "charts": charts([answer["hour"] for answer in answers], time.time()),
        "connections": [_shown_socket(each, names, page_of) for each in sockets],
        "more": total["connections"] - len(sockets),
        "users": [(names.get(key, key), page_of(key), count) for key, count in total["by_user"]],
        "counts": sorted((name.replace("_", " "), count) for name, count in total["counts"].items()),
    }


def _shown_socket(found: dict[str, Any], names: dict[Key, str], page_of: PageOf) -> dict[str, Any]:
    user = found["user"]
    opened_at = datetime.fromtimestamp(found["opened_at"], UTC)
    return {**found, "who": names.get(user, user), "page": page_of(user), "opened_at": opened_at}


async def _ask() -> tuple[list[Answer], str]:
    """The answers; and the error of Redis, if it did not answer and only this process is known."""
    try:
        return await ask_processes(quiet=QUIET_SECONDS), ""
    except BrokerAway as exc:
        hub = running_hub()
        return [] if hub is None else [hub.snapshot(None)], str(exc)


def _shown(answer: Answer) -> Answer:
    """With times that a template can show."""
    times = {
        name: datetime.fromtimestamp(answer[name], UTC) for name in ("started_at", "last_echo", "reconciled")
    }
    return {**answer, **times, "here": answer["process"] == process_name()}

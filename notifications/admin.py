"""The page Cable: what this process holds and, through Redis, all of them."""

from datetime import UTC, datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, path, reverse

from notifications.hub import running_hub
from notifications.inquiry import QUIET_SECONDS, Answer, BrokerAway, ask_processes, totals
from notifications.models import Cable
from notifications.payloads import Key
from notifications.state import process_name
from notifications.users import names_of


@admin.register(Cable)
class CableAdmin(admin.ModelAdmin):
    """One page, for whoever may view it. There is nothing to add, change or delete."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_urls(self) -> list[Any]:
        page = self.admin_site.admin_view(self.changelist_view)
        return [path("", page, name="notifications_cable_changelist")]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), "title": "Cable", "opts": self.opts, **_found()}
        return TemplateResponse(request, "admin/notifications/cable.html", context)


def _found() -> dict[str, Any]:
    answers, away = async_to_sync(_ask)()
    total = totals(answers)
    names = names_of(user for user, _ in total["by_user"])
    return {
        "away": away,
        "processes": [_shown(answer) for answer in answers],
        "total": total,
        "users": [(names.get(key, key), _page_of(key), sockets) for key, sockets in total["by_user"]],
        "counts": sorted((name.replace("_", " "), count) for name, count in total["counts"].items()),
    }


async def _ask() -> tuple[list[Answer], str]:
    """What answered; and what Redis said, if it did not and only this process is known of."""
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


def _page_of(user: Key) -> str:
    opts = get_user_model()._meta
    try:
        return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[user])
    except NoReverseMatch:
        return ""

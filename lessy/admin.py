"""What the admin offers where accounts and the cable meet."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest

import notifications
from lessy.accounts.admin import UserAdmin
from lessy.accounts.models import User
from notifications.inquiry import BrokerAway, sockets_of


@admin.action(description="Disconnect their clients (they may come back)", permissions=["change"])
def disconnect_clients(model_admin: Any, request: HttpRequest, users: QuerySet[User]) -> None:
    """On every process; as `manage.py cable_disconnect --reconnect`."""
    for user in users:
        notifications.disconnect(user.pk, reconnect=True)
    messages.success(request, f"Told the clients of {users.count()} users to reconnect.")


class LiveUsers(ChangeList):
    """The list of users, which asks the processes for the sockets of all that it shows at once."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        _count_sockets(list(self.result_list))


def _count_sockets(users: list[Any]) -> None:
    try:
        counts: dict[Any, int] | None = sockets_of([user.pk for user in users])
    except BrokerAway:
        counts = None
    for user in users:
        user.live_sockets = None if counts is None else counts.get(user.pk, 0)


class LiveUserAdmin(UserAdmin):
    actions = (disconnect_clients,)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return LiveUsers

    def get_list_display(self, request: HttpRequest) -> Any:
        name, *others = super().get_list_display(request)
        return [name, "live_connections", *others]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "live_connections"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        found = super().get_fieldsets(request, obj)
        return found if obj is None else [*found, ("Cable", {"fields": ["live_connections"]})]

    @admin.display(description="live connections", empty_value="unknown: Redis is away")
    def live_connections(self, user: Any) -> int | None:
        if not hasattr(user, "live_sockets"):
            _count_sockets([user])
        count: int | None = user.live_sockets
        return count


admin.site.unregister(User)
admin.site.register(User, LiveUserAdmin)

"""The parts of the admin that need both accounts and the cable."""

from typing import Any

import waffle.admin  # noqa: F401 registers what is unregistered here
from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList, ChangeListSearchForm
from django.db.models import QuerySet
from django.forms import CharField
from django.http import HttpRequest
from waffle.models import Sample, Switch

from lessy.accounts.admin import UserAdmin
from lessy.accounts.models import User
from notifications.operations.inquiry import BrokerAway, sockets_of
from notifications.operations.orders import disconnect_users

SEARCH_LENGTH = 200  # characters


class BoundedSearchForm(ChangeListSearchForm):
    """Limits the length of a search: each word adds a condition to the query, and databases limit those."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[SEARCH_VAR] = CharField(required=False, strip=False, max_length=SEARCH_LENGTH)


# Applies to every list of the admin, those of other apps included.
ChangeList.search_form_class = BoundedSearchForm


@admin.action(description="Disconnect their clients (they may reconnect)", permissions=["change"])
def disconnect_clients(model_admin: Any, request: HttpRequest, users: QuerySet[User]) -> None:
    """On every process; as `manage.py cable_disconnect --reconnect`."""
    keys = list(users.values_list("pk", flat=True))
    report = async_to_sync(disconnect_users)(keys, reconnect=True)
    if report.carried_out:
        messages.success(request, f"Of {len(keys)} users: {report.summary}.")
    else:
        messages.error(request, f"Not certain: {report.summary}; {report.problem}.")


class LiveUsers(ChangeList):
    """The list of users. It asks the server processes once for the sockets of all users on the page."""

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

    @admin.display(description="live connections", empty_value="unknown: Redis is down")
    def live_connections(self, user: Any) -> int | None:
        if not hasattr(user, "live_sockets"):
            _count_sockets([user])
        count: int | None = user.live_sockets
        return count


admin.site.site_header = admin.site.site_title = "Lessy"
admin.site.index_title = "Administration"
# Lessy reads only waffle's flags (accounts/features.py): a sample or a switch would have no effect.
for unused in (Sample, Switch):
    admin.site.unregister(unused)

admin.site.unregister(User)
admin.site.register(User, LiveUserAdmin)

"""What the admin offers where accounts and the cable meet."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

import notifications
from lessy.accounts.models import User


@admin.action(description="Disconnect their clients (they may come back)", permissions=["change"])
def disconnect_clients(model_admin: Any, request: HttpRequest, users: QuerySet[User]) -> None:
    """On every process; as `manage.py cable_disconnect --reconnect`."""
    for user in users:
        notifications.disconnect(user.pk, reconnect=True)
    messages.success(request, f"Told the clients of {users.count()} users to reconnect.")


def add_to_users() -> None:
    """Once every app's admin is loaded."""
    users = admin.site._registry[User]
    users.actions = [*(users.actions or ()), disconnect_clients]

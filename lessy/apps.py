from typing import Any

from django.apps import AppConfig


class LessyConfig(AppConfig):
    """Connects accounts and the cable, which do not import each other."""

    name = "lessy"

    def ready(self) -> None:
        from lessy.accounts.signals import access_ended

        access_ended.connect(_close_sockets, dispatch_uid="lessy.close_sockets")


def _close_sockets(user_id: int, keys: list[str] | None, **_: Any) -> None:
    import notifications

    notifications.disconnect(user_id, keys=keys)

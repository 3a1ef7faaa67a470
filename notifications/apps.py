from django.apps import AppConfig
from django.db.models.signals import post_save


class NotificationsConfig(AppConfig):
    name = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from notifications import checks  # noqa: F401 registers them
        from notifications.signals import announce_save

        post_save.connect(announce_save, dispatch_uid="notifications.announce_save")

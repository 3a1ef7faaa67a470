from django.apps import AppConfig
from django.db.models.signals import post_save

LABEL = "sync_cable"


class CableConfig(AppConfig):
    """
    Its label is sync_cable in this repository too, although the folder has another name: many projects have
    an app with that folder's name.
    """

    name = __package__
    label = LABEL
    verbose_name = "Cable"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from . import checks, versions  # noqa: F401 registers the checks
        from .changes import deletions, moves, ownership, relations
        from .changes.signals import announce_save
        from .ground.refreshed import watch_refreshes
        from .ground.watching import watch
        from .operations import ended_rights

        post_save.connect(announce_save, dispatch_uid="sync_cable.announce_save")
        watch_refreshes()
        for each in (ownership, deletions, moves, relations, ended_rights):
            watch(each.receivers)

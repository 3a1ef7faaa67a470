"""Lessy with the cards of teams beside its tasks."""

from lessy.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.teams"]  # noqa: F405
CABLE = {
    **CABLE,  # noqa: F405
    "RESOURCES": {
        **CABLE["RESOURCES"],  # noqa: F405
        "cards": {
            "model": "teams.Card",
            "audience": ["board__team__memberships__user", "board__followers", "watchers"],
            "deleted_at": "archived_at",
        },
    },
}

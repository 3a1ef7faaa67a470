from collections.abc import Mapping

from lessy.probe import LessyProbe
from notifications.management.commands.cable_check import Command as CableCheck


class Command(CableCheck):
    """The cable's command, extended: without --user it saves a task of a temporary user."""

    help = "Tests the path of a notification as a client of a running server."
    help_of_user = "connect as this user instead of a temporary one, and save no task"

    def probe(self, url: str, user: str | None, headers: Mapping[str, str]) -> LessyProbe:
        return LessyProbe(url, user, headers)

"""System checks of numbers with which no position could be guaranteed (wire/positions.py)."""

from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as Caution

from .changes.resources import resources
from .conf import cable_settings
from .wire.positions import MICROSECONDS, Reach

# In seconds. Few transactions stay below it, and few pairs of clocks differ by less.
LEAST_OVERLAP = 1.0


def check_reach() -> list[CheckMessage]:
    """Call it only if each number is valid by itself."""
    return [*_check_overlap(), *_check_deletions_kept()]


def _check_overlap() -> list[CheckMessage]:
    overlap = cable_settings().overlap
    if overlap >= LEAST_OVERLAP:
        return []
    return [
        Caution(
            f"settings.CABLE['OVERLAP'] is {overlap!r}: a client that comes back can miss a change whose "
            "transaction took longer, or that was saved on a machine whose clock differs by more",
            hint="Longer than your longest transaction plus the difference of your clocks.",
            id="sync_cable.W010",
        )
    ]


def _check_deletions_kept() -> list[CheckMessage]:
    settings = cable_settings()
    reach = Reach.of(settings.overlap, settings.reconcile_interval)
    behind = (reach.overlap + reach.lag) / MICROSECONDS
    if settings.deletions_kept > behind or not any(each.deletions for each in resources().values()):
        return []
    return [
        Error(
            f"settings.CABLE['DELETIONS_KEPT'] is {settings.deletions_kept!r}: each read of the tables looks "
            f"{behind:g} s back, and would find deletions forgotten",
            hint="OVERLAP + 1.2 x RECONCILE_INTERVAL + 5, and as long as your clients may be away.",
            id="sync_cable.E019",
        )
    ]

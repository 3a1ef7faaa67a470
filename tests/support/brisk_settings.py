"""A reconcile interval that is short enough for a test."""

from lessy.settings import *  # noqa: F403

CABLE = {**CABLE, "RECONCILE_INTERVAL": 1.0}  # noqa: F405

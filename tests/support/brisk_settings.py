"""A reconcile that a test can wait for."""

from lessy.settings import *  # noqa: F403

CABLE = {**CABLE, "RECONCILE_INTERVAL": 1.0}  # noqa: F405

"""An overlap that ends within a test, and a reconcile interval that is longer than the test."""

from lessy.settings import *  # noqa: F403

CABLE = {**CABLE, "OVERLAP": 1.0, "RECONCILE_INTERVAL": 60.0}  # noqa: F405

"""An overlap that ends within a test, and a reconcile that does not come before."""

from lessy.settings import *  # noqa: F403

CABLE = {**CABLE, "OVERLAP": 1.0, "RECONCILE_INTERVAL": 60.0}  # noqa: F405

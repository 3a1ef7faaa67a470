"""Tools that tests require and that may not be installed on the machine."""

import os
from typing import NoReturn

import pytest


def missing(tool: str) -> NoReturn:
    """Skips the test with a visible reason; fails it if LESSY_REQUIRE is set."""
    if os.environ.get("LESSY_REQUIRE"):
        pytest.fail(f"{tool} is required here and is not installed")
    pytest.skip(f"{tool} IS NOT INSTALLED: this test did not run")

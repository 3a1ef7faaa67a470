"""What a test needs of the machine, and may not find there."""

import os
from typing import NoReturn

import pytest


def missing(tool: str) -> NoReturn:
    """Skip, loudly; where LESSY_REQUIRE is set, fail."""
    if os.environ.get("LESSY_REQUIRE"):
        pytest.fail(f"{tool} is required here and is not installed")
    pytest.skip(f"{tool} IS NOT INSTALLED: this test did not run")

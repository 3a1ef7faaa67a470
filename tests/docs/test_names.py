"""Strangers know the app as pip installs it: sync_cable. Only this repository has it as notifications/."""

import re

import pytest

from tests.support.site import ROOT

# For those who change this repository.
OURS = {"docs/changelog.md", "docs/contributing.md"}
FILES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/monitoring").iterdir()]
PAGES = sorted({str(path.relative_to(ROOT)) for path in FILES} - OURS)
# As Python or as an app; `notifications/conf.py` is a file of this repository.
WRONG = re.compile(
    r"""(?:import|from) notifications\b|\bnotifications\.[a-z]+[_.(`"]|["'`]notifications["'`]"""
)


@pytest.mark.parametrize("page", PAGES)
def test_17_no_page_names_the_app_as_only_this_repository_does(page):
    assert WRONG.findall((ROOT / page).read_text()) == []

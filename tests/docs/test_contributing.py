"""docs/contributing.md: its table of folders names each file, and none that is not there."""

import re

import pytest

from tests.support.site import ROOT

ROW = re.compile(r"\| `(\w+)/` \| .*? \| (.*) \|")


def rooms():
    for line in (ROOT / "docs/contributing.md").read_text().splitlines():
        if (found := ROW.fullmatch(line)) and (folder := ROOT / "notifications" / found[1]).is_dir():
            yield folder, set(re.findall(r"`(\w+)`", found[2]))


ROOMS = {folder.name: (folder, named) for folder, named in rooms()}


def test_each_folder_has_a_row():
    folders = {path.parent.name for path in (ROOT / "notifications").glob("*/__init__.py")}
    assert set(ROOMS) == folders - {"management", "migrations"}


@pytest.mark.parametrize("room", ROOMS)
def test_a_row_names_each_file_of_its_folder(room):
    folder, named = ROOMS[room]
    assert named == {path.stem for path in folder.glob("*.py")} - {"__init__"}

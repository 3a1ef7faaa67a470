"""The code in the documentation: all of it is Python where it says so, and what can run alone runs."""

import re
import threading

import pytest
from pytest_examples import find_examples

from notifications.conf import CableSettings
from tests.support.site import ROOT

EXAMPLES = [
    example
    for example in find_examples(str(ROOT / "docs"), str(ROOT / "README.md"))
    if example.prefix.split()[:1] == ["python"]
]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_it_is_python(example):
    compile(example.source, str(example.path), "exec")


def example_with(path, words):
    [found] = [each for each in EXAMPLES if each.path == ROOT / path and words in each.source]
    return found.source


def test_the_python_client_hears(site, server, cooper):
    names = {}
    exec(example_with("docs/clients.md", "def notifications"), names)
    heard = []
    listening = threading.Thread(
        target=lambda: heard.extend(first_of(names["notifications"](server.cable_url, cooper.token)))
    )
    listening.start()
    sent = []
    while listening.is_alive():
        sent.append(site.new_task(cooper))
        listening.join(0.1)
    assert heard[0]["action"] == "create#tasks"
    assert heard[0]["id"] in sent


def first_of(found):
    for each in found:
        found.close()
        return [each]


def test_every_setting_of_the_cable_is_documented():
    page = (ROOT / "docs" / "plugging-in.md").read_text()
    operations = (ROOT / "docs" / "operations.md").read_text()
    undocumented = [
        name.upper()
        for name in CableSettings.__dataclass_fields__
        if not re.search(rf"\b{name.upper()}\b", page) and f"CABLE_{name.upper()}" not in operations
    ]
    assert undocumented == []

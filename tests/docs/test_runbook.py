"""docs/runbook.md has a section for each alert, and names what there is."""

import re

import yaml

from tests.support.site import ROOT

PAGE = (ROOT / "docs/runbook.md").read_text()
[GROUP] = yaml.safe_load((ROOT / "docs/monitoring/alerts.yml").read_text())["groups"]
SECTIONS = dict(re.findall(r"^## (\w+)\n\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def test_22_each_alert_has_a_section_in_the_order_of_the_rules():
    assert list(SECTIONS) == [rule["alert"] for rule in GROUP["rules"]]


def test_22_each_section_says_how_urgent_it_is_what_it_does_and_what_to_do():
    for rule in GROUP["rules"]:
        section = SECTIONS[rule["alert"]]
        assert section.startswith(f"Severity: {rule['labels']['severity']}. ")
        assert "**Effect.** " in section
        assert "\n1. " in section


def test_22_each_alert_leads_to_its_section():
    for rule in GROUP["rules"]:
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"


def test_22_what_the_runbook_searches_the_log_for_is_logged():
    source = "".join(path.read_text() for path in (ROOT / "notifications").rglob("*.py"))
    for words in re.findall(r"`(could not [\w ]+)`", PAGE):
        assert words in source, words

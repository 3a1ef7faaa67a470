"""The dashboard of docs/monitoring: what stands on one axis has one unit, and says when it is too much."""

import json

import pytest

from tests.support.site import ROOT

DASHBOARD = json.loads((ROOT / "docs/monitoring/grafana.json").read_text())
GRAPHS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}
ROWS = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]


def unit_of(expression: str) -> str:
    """As Grafana names it."""
    if "cpu_seconds" in expression or " / " in expression:
        return "percentunit"
    if expression.startswith("histogram_quantile") or "timestamp_seconds" in expression:
        return "s"
    if "_age_seconds" in expression:
        return "s"
    if "rate(" in expression:
        return "cps"
    return "bytes" if "_bytes" in expression else "short"


@pytest.mark.parametrize("title", GRAPHS)
def test_n4_a_graph_has_one_unit(title):
    panel = GRAPHS[title]
    units = {unit_of(target["expr"]) for target in panel["targets"]}
    assert units == {panel["fieldConfig"]["defaults"]["unit"]}


LIMITED = [
    *("Commit to socket", "Time to publish", "Ping lateness", "Since the last echo", "Broker healthy"),
    *(
        "Publish queue",
        "Age of the last complete pass",
        "Failed passes and abandoned reads",
        "CPU",
        "Open files",
    ),
]


@pytest.mark.parametrize("title", LIMITED)
def test_n4_a_graph_shows_from_when_on_it_is_too_much(title):
    defaults = GRAPHS[title]["fieldConfig"]["defaults"]
    assert defaults["custom"]["thresholdsStyle"]["mode"] == "line"
    levels = [step["value"] for step in defaults["thresholds"]["steps"]]
    assert levels[0] is None
    assert levels[1:] == sorted(levels[1:]) != []


def test_n4_both_paths_have_a_row():
    assert [title.split(":")[0] for title in ROWS] == [
        *("Clients", "The fast path", "The certain path", "The processes"),
    ]


def test_n4_no_two_panels_overlap():
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])

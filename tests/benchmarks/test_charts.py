"""The charts of docs/performance.md: drawn from the records, and all of them shown."""

import re
from xml.etree import ElementTree

import pytest

from benchmarks.charts import CHARTS, FOLDER, bars, files, svg, written
from benchmarks.contenders import ROOT

PAGE = (ROOT / "docs/performance.md").read_text()


@pytest.mark.parametrize(("path", "text"), files().items(), ids=lambda each: getattr(each, "name", ""))
def test_22_each_chart_is_as_the_records_make_it(path, text):
    """If this fails: python -m benchmarks.charts."""
    assert path.read_text() == text


def test_22_the_page_shows_each_chart_and_says_what_it_is():
    shown = re.findall(r"^!\[(.+)\]\(images/charts/(.+)\)$", PAGE, re.MULTILINE)
    assert sorted(name for _, name in shown) == sorted(path.name for path in FOLDER.iterdir())
    assert sorted(name for _, name in shown) == sorted(f"{chart.name}.svg" for chart in CHARTS)


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_22_a_chart_has_a_bar_for_each_server_in_proportion(chart):
    root = ElementTree.fromstring(svg(chart))
    lengths = [int(each.get("width")) for each in root if each.tag.endswith("rect")][1:]
    values = [value for _, value, _ in bars(chart)]
    assert len(lengths) == len(values) >= 3
    longest = max(values)
    assert all(
        abs(length / max(lengths) - value / longest) < 0.01
        for length, value in zip(lengths, values, strict=True)
    )
    assert sum(ours for _, _, ours in bars(chart)) >= 1


@pytest.mark.parametrize(("value", "shown"), [(21.65, "21.6 µs"), (44760.4, "44,760 µs"), (0.98, "0.98 µs")])
def test_22_a_value_is_written_as_short_as_it_can_be_read(value, shown):
    assert written(value, "µs") == shown

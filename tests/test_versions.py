"""What make versions tries, and what docs/supported-versions.md and pyproject.toml say of it."""

import re
import tomllib
from itertools import chain

import pytest
from packaging.requirements import Requirement

from notifications.versions import REQUIRED, release_of
from tests.support.site import ROOT
from tests.versions import DJANGOS, PYTHONS, Run, chosen, every_run, lowest_dependencies, requirements

PAGE = (ROOT / "docs/supported-versions.md").read_text()
LOWEST = Run("3.11", "5.2", lowest=True)


def test_the_lowest_and_the_newest_that_can_be_had_are_chosen():
    assert chosen(["lowest", "newest"], ["3.11", "3.13"]) == [LOWEST, Run("3.13", "6.1")]


def test_where_only_the_oldest_python_is_the_newest_pair_is_that_of_make_test():
    assert chosen(["lowest", "newest"], ["3.11"]) == [LOWEST]


def test_no_django_is_tried_on_a_python_that_it_does_not_run_on():
    assert {run.django for run in every_run() if run.python == "3.11"} == {"5.2"}
    assert len(set(every_run())) == len(every_run()) == 11


def test_the_lowest_dependencies_are_exactly_those():
    wanted = requirements(LOWEST)
    assert set(lowest_dependencies()) <= set(wanted)
    names = [Requirement(line).name.lower() for line in wanted]
    assert len(names) == len(set(names))


def declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = chain(project["dependencies"], *project["optional-dependencies"].values())
    return dict(line.split(">=") for line in lines)


def test_17_the_page_has_the_floor_of_each_dependency():
    rows = dict(re.findall(r"^\| ([\w-]+)(?: \(extras? [^)]*\))? \| ([\d.]+) \| \w", PAGE, re.MULTILINE))
    assert rows.items() >= declared().items()


@pytest.mark.parametrize("name", REQUIRED)
def test_what_pip_demands_and_what_the_checks_demand_is_the_same(name):
    assert release_of(declared()[name]) == REQUIRED[name]


def test_the_page_names_the_pythons_and_djangos_that_are_tried():
    assert f"| Python | {', '.join(PYTHONS)} |" in PAGE
    assert f"| Django | {', '.join(DJANGOS)} |" in PAGE

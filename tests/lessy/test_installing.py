"""pip itself, on a package that lies on the disk: nothing is fetched."""

import io
from pathlib import Path

import pytest

from lessy import installing
from tests.support.site import ROOT


@pytest.fixture
def nowhere(monkeypatch) -> None:
    """Nothing is installed anywhere, and no index is asked."""
    monkeypatch.setattr(installing, "PIP", [*installing.PIP[:-1], "--dry-run", "--no-index", "-r"])


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def requirements(tmp_path) -> Path:
    """Of what is installed here already."""
    path = tmp_path / "requirements.txt"
    pinned = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line]
    path.write_text("\n".join(line.partition(" ")[0].rstrip("\\") for line in pinned[:3]))
    return path


def test_n3_it_says_how_far_it_is(nowhere, requirements):
    out = Terminal()
    assert installing.install(requirements, out) == 0
    said = out.getvalue().split("\r\x1b[K")
    assert said[1] == "Installing 3 Python packages (once, one or two minutes)"
    assert [text.partition(":")[0] for text in said[2:5]] == [f"{n} of 3 Python packages" for n in (1, 2, 3)]
    assert said[-1] == "Python packages installed.\n"


def test_n3_what_is_no_terminal_gets_few_lines(nowhere, requirements):
    out = io.StringIO()
    assert installing.install(requirements, out) == 0
    assert out.getvalue().splitlines() == [
        "Installing 3 Python packages (once, one or two minutes)",
        "Python packages installed.",
    ]


def test_n3_what_pip_says_of_its_failure_is_shown(nowhere, tmp_path):
    path = tmp_path / "requirements.txt"
    path.write_text("no-such-package-of-ours==1.0\n")
    out = io.StringIO()
    assert installing.install(path, out) == 1
    assert "pip failed:" in out.getvalue()
    assert "No matching distribution found for no-such-package-of-ours==1.0" in out.getvalue()


def test_n3_make_run_names_each_of_its_steps():
    makefile = (ROOT / "Makefile").read_text()
    assert "pip install" not in makefile
    for step in (
        "Creating .venv",
        "Installing the start page's libraries with npm",
        "Preparing the database",
    ):
        assert step in makefile

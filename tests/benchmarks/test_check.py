"""`make bench-check`: which figures let it pass. That it measures them, the benchmarks' own tests show."""

import pytest

from benchmarks import check
from benchmarks.contenders import FLOOR, LESSY


def rounds(*pairs):
    """Of (ours, the floor's) microseconds per delivery."""
    return {
        server: {check.SOCKETS: [{"delivery_us": pair[index]} for pair in pairs]}
        for index, server in enumerate((LESSY, FLOOR))
    }


@pytest.fixture
def checked(monkeypatch):
    def measure(now, recorded):
        monkeypatch.setattr(check.results, "load", lambda name: {"rounds": recorded})
        monkeypatch.setattr(check, "run", lambda *args, **options: now)
        return check.main()

    return measure


@pytest.mark.parametrize("ours", [5.0, 10.0, 10.9])
def test_it_passes_up_to_ten_percent_more(checked, ours):
    assert checked(now=rounds((ours, 20)), recorded=rounds((10, 20))) == 0


def test_it_fails_beyond_ten_percent_more(checked):
    assert checked(now=rounds((11.1, 20)), recorded=rounds((10, 20))) == 1


def test_a_slower_machine_does_not_matter(checked):
    assert checked(now=rounds((30, 60)), recorded=rounds((10, 20))) == 0


def test_the_least_disturbed_round_counts(checked):
    assert checked(now=rounds((40, 20), (10, 20), (30, 20)), recorded=rounds((10, 20), (12, 20))) == 0


def test_without_a_record_it_says_so(monkeypatch, capsys):
    def missing(name):
        raise FileNotFoundError

    monkeypatch.setattr(check.results, "load", missing)
    assert check.main() == 2
    assert "make bench BENCH=delivery" in capsys.readouterr().err

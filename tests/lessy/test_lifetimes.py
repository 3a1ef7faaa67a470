"""How long tokens live: a calendar month, wherever it begins."""

from datetime import UTC, datetime

import pytest

from lessy.accounts import services


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-01-15T12:30:00", "2026-02-15T12:30:00"),
        ("2026-01-31T00:00:00", "2026-02-28T00:00:00"),
        ("2028-01-31T23:59:59", "2028-02-29T23:59:59"),
        ("2028-02-29T01:00:00", "2028-03-29T01:00:00"),
        ("2026-03-31T01:00:00", "2026-04-30T01:00:00"),
        ("2026-12-31T23:59:59", "2027-01-31T23:59:59"),
    ],
)
def test_a_month_ends_on_the_same_day_or_on_the_last(monkeypatch, now, then):
    begin = datetime.fromisoformat(now).replace(tzinfo=UTC)
    monkeypatch.setattr(services.timezone, "now", lambda: begin)
    assert begin + services.a_month() == datetime.fromisoformat(then).replace(tzinfo=UTC)

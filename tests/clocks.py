"""Versions, as clients tell them apart."""

from datetime import datetime


def later_second(later: datetime, earlier: datetime) -> bool:
    return int(later.timestamp()) > int(earlier.timestamp())

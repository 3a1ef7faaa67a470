from datetime import UTC, datetime
from zoneinfo import ZoneInfo

LONGEST = 64  # characters; ISO 8601 needs 40


def format_date(value: datetime | None, zone: str) -> str | None:
    """With milliseconds (truncated, not rounded) and the offset of the zone: 2017-01-20T00:00:00.000Z."""
    if value is None:
        return None
    found = value.astimezone(ZoneInfo(zone)).isoformat(timespec="milliseconds")
    return found.replace("+00:00", "Z") if zone == "UTC" else found


def parse_date(value: object, zone: str) -> datetime | None:
    """A text without an offset is read in this zone. None if the value is not a date; a number is not one."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        found = (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 1 < found.year < 9999 else None  # at the limits, conversion to another zone overflows

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

LONGEST = 64  # characters; ISO 8601 needs 40


def format_date(value: datetime | None, zone: str) -> str | None:
    """Three decimals, cut and not rounded, and the user's offset: 2017-01-20T00:00:00.000Z."""
    if value is None:
        return None
    found = value.astimezone(ZoneInfo(zone)).isoformat(timespec="milliseconds")
    return found.replace("+00:00", "Z") if zone == "UTC" else found


def parse_date(value: object, zone: str) -> datetime | None:
    """Without an offset it is read in the user's zone. None for what is no date, numbers included."""
    if not isinstance(value, str) or len(value) > LONGEST:
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        found = (found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 1 < found.year < 9999 else None  # or another zone's calendar could not hold it

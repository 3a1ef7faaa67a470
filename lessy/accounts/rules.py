"""What a user's name, address and time zone must be, as codes of the API's errors; and for Django's forms."""

import re
from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.mail.message import sanitize_address

NAME_LENGTH = 25
ADDRESS_LENGTH = 254
RESERVED = ("dashboard", "login", "register", "logout", "projects", "tasks", "users")  # paths of the client
_PLAIN = r"[^\s@,:;<>()\[\]\\\"\x00-\x20\x7f]+"  # nothing that an address would have to quote

Rule = Callable[[str], list[str]]


def broken_username(name: str) -> list[str]:
    errors = [] if re.fullmatch(r"[a-z_-]+", name) else ["invalid"]
    if len(name) > NAME_LENGTH:
        errors.append("too_long")
    if name in RESERVED:
        errors.append("exclusion")
    return errors


def broken_email(address: str) -> list[str]:
    if not address.strip():
        return ["blank"]
    errors = [] if _can_be_sent_to(address) else ["invalid"]
    return [*errors, "too_long"] if len(address) > ADDRESS_LENGTH else errors


def broken_time_zone(name: str) -> list[str]:
    return [] if name in time_zones() else ["invalid"]


@cache
def time_zones() -> frozenset[str]:
    """Every name of the IANA data, old aliases too."""
    return frozenset(available_timezones())


def _can_be_sent_to(address: str) -> bool:
    """No more is asked of it than that a mail to it can be made."""
    try:
        return bool(re.fullmatch(f"{_PLAIN}@{_PLAIN}", address) and sanitize_address(address, "utf-8"))
    except ValueError:
        return False


def _refuse(rule: Rule, value: str) -> None:
    if errors := rule(value):
        raise ValidationError([ValidationError(code, code=code) for code in errors])


def validate_username(value: str) -> None:
    _refuse(broken_username, value)


def validate_email(value: str) -> None:
    _refuse(broken_email, value)


def validate_time_zone(value: str) -> None:
    _refuse(broken_time_zone, value)

"""What a user's name, address and time zone must be, as codes of the API's errors; and for Django's forms."""

import re
from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError

NAME_LENGTH = 25
ADDRESS_LENGTH = 254
RESERVED = ("dashboard", "login", "register", "logout", "projects", "tasks", "users")  # paths of the client
# Not the whole grammar of addresses, but nothing that a mail could not be sent to.
_ADDRESS = re.compile(r"[^\s@,:;<>()\[\]\\\"\x00-\x20\x7f]+@([^\s@,:;<>()\[\]\\\"\x00-\x20\x7f]+)")

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
    found = _ADDRESS.fullmatch(address)
    try:
        return bool(found and found[1].encode("idna"))
    except UnicodeError:  # an empty label, or one that is too long
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

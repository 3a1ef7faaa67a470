"""The rules of user names, addresses and time zones: as API error codes, and as validators for forms."""

import re
from collections.abc import Callable
from functools import cache
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.mail.message import sanitize_address

NAME_LENGTH = 25
ADDRESS_LENGTH = 254
PASSWORD_LENGTH = 4096
MAIL_TOKEN_LENGTH = 40
RESERVED = ("dashboard", "login", "register", "logout", "projects", "tasks", "users")  # paths of the client
_PLAIN = r"[^\s@,:;<>()\[\]\\\"\x00-\x20\x7f]+"  # no character that an address would have to quote

Rule = Callable[[str], list[str]]


def broken_username(name: str) -> list[str]:
    # The first characters of a name that is too long are enough to find another error.
    errors = [] if re.fullmatch(r"[a-z_-]+", name[: NAME_LENGTH + 1]) else ["invalid"]
    if len(name) > NAME_LENGTH:
        errors.append("too_long")
    if name in RESERVED:
        errors.append("exclusion")
    return errors


def broken_email(address: str) -> list[str]:
    """The length is checked first: the time to check the format grows with its square."""
    if len(address) > ADDRESS_LENGTH:
        return ["too_long"]
    if not address.strip():
        return ["blank"]
    return [] if _can_be_sent_to(address) else ["invalid"]


def broken_password(password: str) -> list[str]:
    return ["too_long"] if len(password) > PASSWORD_LENGTH else []


def broken_time_zone(name: str) -> list[str]:
    return [] if name in time_zones() else ["invalid"]


@cache
def time_zones() -> frozenset[str]:
    """Every name of the IANA time zone database, old aliases included."""
    return frozenset(available_timezones())


def _can_be_sent_to(address: str) -> bool:
    """The only requirement is that a mail to this address can be built."""
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

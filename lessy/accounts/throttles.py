"""
What is counted of log-in, registration, mails and new passwords: by the client's address and by the account
aimed at, in this order.
"""

from typing import Any, cast

from rest_framework.request import Request

from lessy.accounts import known_addresses
from lessy.accounts.models import User
from lessy.accounts.rules import ADDRESS_LENGTH
from lessy.accounts.services import find_by_name
from lessy.api.parameters import text
from lessy.api.throttles import ByAddress, Throttle, address_of, seconds_to_wait


class LogInByAddress(ByAddress):
    scope = "login_address"


class LogInByAccount(Throttle):
    scope = "login_account"

    def who(self, request: Request) -> str:
        return _account(text(_body(request).get("username")), address_of(request))


class RegistrationByAddress(ByAddress):
    scope = "registration_address"


class MailByAddress(ByAddress):
    scope = "mail_address"


class ByEmail(Throttle):
    def who(self, request: Request) -> str | None:
        user = _body(request).get("user", request.data)
        return _folded(text(user.get("email"))) or None if isinstance(user, dict) else None


class RegistrationByAccount(ByEmail):
    scope = "registration_account"


class MailByAccount(ByEmail):
    scope = "mail_account"


class HashingByAddress(ByAddress):
    """Also of activations: each hashes a password."""

    scope = "hashing_address"


class HashingByAccount(Throttle):
    """Of who changes a password with sudo; the token of a mail is somebody's once."""

    scope = "hashing_account"

    def who(self, request: Request) -> str | None:
        return None if request.auth is None else f"user {request.user.pk}"


LOG_IN = (LogInByAddress, LogInByAccount)
REGISTRATION = (RegistrationByAddress, RegistrationByAccount)
MAIL = (MailByAddress, MailByAccount)
HASHING = (HashingByAddress, HashingByAccount)


def may_log_in(request: Any, name: str) -> bool:
    """For doors that are not the API's; they share its counters."""
    address = address_of(request)
    if seconds_to_wait(LogInByAddress.scope, address) is not None:
        return False
    return seconds_to_wait(LogInByAccount.scope, _account(name, address)) is None


def logged_in(request: Any, user: User) -> None:
    """To be told by every door: from here others' guesses do not lock the user out."""
    known_addresses.remember(user, address_of(request))


def _body(request: Request) -> dict[str, Any]:
    return cast(dict[str, Any], request.data)


def _account(name: str, address: str) -> str:
    """One count for the user name and the e-mail address of a user, but one apart where they are known."""
    user = find_by_name(name)
    if user is None:
        return f"nobody {_folded(name)}"
    known = known_addresses.is_known(user, address)
    return f"user {user.pk} at {address}" if known else f"user {user.pk}"


def _folded(name: str) -> str:
    """Names that are too long for an account share one count by their beginning."""
    return name[: ADDRESS_LENGTH + 1].lower()

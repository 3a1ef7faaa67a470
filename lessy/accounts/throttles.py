"""
The rate limits of login, registration, mails and new passwords: first by the client's address, then by the
account that the request names.
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
    """Limits activations too, because each hashes a password."""

    scope = "hashing_address"


class HashingByAccount(Throttle):
    """Limits password changes with sudo. A reset by a mailed token is not counted: the token works once."""

    scope = "hashing_account"

    def who(self, request: Request) -> str | None:
        return None if request.auth is None else f"user {request.user.pk}"


LOG_IN = (LogInByAddress, LogInByAccount)
REGISTRATION = (RegistrationByAddress, RegistrationByAccount)
MAIL = (MailByAddress, MailByAccount)
HASHING = (HashingByAddress, HashingByAccount)


def may_log_in(request: Any, name: str) -> bool:
    """For logins outside the API, such as the admin's; they share its counters."""
    address = address_of(request)
    if seconds_to_wait(LogInByAddress.scope, address) is not None:
        return False
    return seconds_to_wait(LogInByAccount.scope, _account(name, address)) is None


def logged_in(request: Any, user: User) -> None:
    """Every login must call it: from then on, guesses from elsewhere cannot lock the user out here."""
    known_addresses.remember(user, address_of(request))


def _body(request: Request) -> dict[str, Any]:
    return cast(dict[str, Any], request.data)


def _account(name: str, address: str) -> str:
    """One counter for a user's name and e-mail address; a separate one for each known address."""
    user = find_by_name(name)
    if user is None:
        return f"nobody {_folded(name)}"
    known = known_addresses.is_known(user, address)
    return f"user {user.pk} at {address}" if known else f"user {user.pk}"


def _folded(name: str) -> str:
    """Names too long for an account are cut, so that those with the same beginning share a counter."""
    return name[: ADDRESS_LENGTH + 1].lower()
